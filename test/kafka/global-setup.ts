// Before all tests with Kafka: a broker, unless KAFKA_BROKERS names one.

import { Broker, canStartBroker } from './broker.ts';

declare global {
  var sharedBroker: Broker | undefined;
}

export default async function setup(): Promise<void> {
  if ((process.env['KAFKA_BROKERS'] ?? '') !== '') return;
  if (!canStartBroker()) {
    throw new Error(
      'the tests with Kafka need KAFKA_BROKERS=host:port, or a JDK 17 and Maven to start a broker',
    );
  }
  globalThis.sharedBroker = await Broker.start();
  process.env['KAFKA_BROKERS'] = globalThis.sharedBroker.address;
}
