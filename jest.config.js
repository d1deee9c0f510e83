/** @type {import('jest').Config} */
export default {
  testMatch: ['**/*.test.ts'],
  // jest.kafka.config.js runs those with Kafka.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/data/', '<rootDir>/test/kafka/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': './test/strip-types.js' },
  testTimeout: 60_000,
};
