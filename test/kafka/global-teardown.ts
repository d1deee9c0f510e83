// After all tests with Kafka.

export default async function teardown(): Promise<void> {
  await globalThis.sharedBroker?.remove();
}
