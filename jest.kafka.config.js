// The tests that need a real Kafka: `npm run test:kafka`, against KAFKA_BROKERS or a broker that they start themselves.

import base from './jest.config.js';

/** @type {import('jest').Config} */
export default {
  ...base,
  testMatch: [
    '<rootDir>/test/kafka/*.test.ts',
    '<rootDir>/test/exactness.test.ts',
    '<rootDir>/test/dead-letters.test.ts',
  ],
  testPathIgnorePatterns: ['/node_modules/'],
  globalSetup: './test/kafka/global-setup.ts',
  globalTeardown: './test/kafka/global-teardown.ts',
  testTimeout: 180_000,
  // Each file has topics or a broker of its own, and waits for much: rebalances, sessions, retries.
  maxWorkers: 2,
};
