// Whether the log is to be Kafka: KAFKA_BROKERS alone decides.

import type { EnvReader } from '../../lib/env.ts';

/** What means something only with KAFKA_BROKERS. */
const others = [
  ...['KAFKA_TLS', 'KAFKA_CA_CERTS', 'KAFKA_CLIENT_CERT', 'KAFKA_CLIENT_KEY', 'KAFKA_SASL_MECHANISM'],
  ...['KAFKA_USERNAME', 'KAFKA_PASSWORD', 'KAFKA_TOPIC', 'KAFKA_GROUP'],
];

export function wantsKafka(env: NodeJS.ProcessEnv): boolean {
  return (env['KAFKA_BROKERS'] ?? '') !== '';
}

/** Notes what is set for a Kafka that is not named: a misspelt KAFKA_BROKERS would go unnoticed without it. */
export function rejectStrayKafka(reader: EnvReader): void {
  const stray = others.filter((name) => reader.text(name) !== undefined);
  if (stray.length > 0) reader.problem(stray.join(', '), 'should be unset, or KAFKA_BROKERS set');
}
