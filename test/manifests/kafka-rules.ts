// What must be true of topics, sinks and sources, so that nothing is lost on the way (I1) and nothing comes back after
// its id was forgotten (I2). A rule gives its complaints, none when all is well.

import { readConfig as readAccumulateConfig } from '../../functions/accumulate/config.ts';
import { nameOf, type Manifest, ofKind } from './manifest.ts';

/** Any delivery block takes Knative's defaults away, and a delay of nothing takes the retries away. */
export function deliveriesAreRetried(objects: readonly Manifest[]): string[] {
  return ofKind(objects, 'sources.knative.dev/v1 KafkaSource').flatMap((source) => {
    const { retry = 0, backoffPolicy, backoffDelay = '', timeout = '' } = source.spec.delivery ?? {};
    const problems = [
      retry > 0 ? '' : 'delivers once only',
      backoffPolicy === 'exponential' ? '' : 'should wait longer with each retry',
      isLonger(backoffDelay) ? '' : 'should state a delay, with which alone it retries',
      isLonger(timeout) ? '' : 'should state how long it waits for an answer',
    ];
    return problems.filter((problem) => problem !== '').map((problem) => `${nameOf(source)}: ${problem}`);
  });
}

/** ISO 8601, as far as it is used here: seconds, above 0. */
function isLonger(duration: string): boolean {
  return Number(/^PT(\d+(?:\.\d+)?)S$/.exec(duration)?.[1] ?? 0) > 0;
}

/** Without a dead letter sink what is refused is committed and gone. */
export function refusedEventsAreKept(objects: readonly Manifest[]): string[] {
  return ofKind(objects, 'sources.knative.dev/v1 KafkaSource')
    .filter(({ spec }) => spec.delivery?.deadLetterSink?.ref?.kind !== 'KafkaSink')
    .map((source) => `${nameOf(source)}: should send what it cannot deliver to a KafkaSink`);
}

export function sourcesBeginAtTheBeginning(objects: readonly Manifest[]): string[] {
  return ofKind(objects, 'sources.knative.dev/v1 KafkaSource')
    .filter(({ spec }) => spec.initialOffset !== 'earliest')
    .map((source) => `${nameOf(source)}: should begin at the earliest offset`);
}

/** The order of sums means nothing, and ordered delivery costs most of the rate. */
export function sourcesAreUnordered(objects: readonly Manifest[]): string[] {
  return ofKind(objects, 'sources.knative.dev/v1 KafkaSource')
    .filter(({ spec }) => spec.ordering !== 'unordered')
    .map((source) => `${nameOf(source)}: should be unordered`);
}

/** With both a sink makes its topic, with neither the topic must be there, one alone is refused. */
export function sinksHaveTheirTopics(objects: readonly Manifest[]): string[] {
  const topics = topicsOf(objects);
  return ofKind(objects, 'eventing.knative.dev/v1alpha1 KafkaSink').flatMap((sink) => {
    const { topic, numPartitions, replicationFactor, contentMode } = sink.spec;
    const makesIt = numPartitions !== undefined;
    return [
      ...(contentMode === 'binary' ? [] : [`${nameOf(sink)}: should keep the data as it was sent (binary)`]),
      ...(makesIt === (replicationFactor !== undefined)
        ? []
        : [`${nameOf(sink)}: numPartitions and replicationFactor go together`]),
      ...(makesIt || topics.has(topic) ? [] : [`${nameOf(sink)}: nobody makes the topic ${topic}`]),
    ];
  });
}

export function sourcesHaveTheirTopics(objects: readonly Manifest[]): string[] {
  const topics = topicsOf(objects);
  return ofKind(objects, 'sources.knative.dev/v1 KafkaSource').flatMap((source) =>
    source.spec.topics
      .filter((topic) => !topics.has(topic))
      .map((topic) => `${nameOf(source)}: nobody makes the topic ${topic}`),
  );
}

/** A broker may be away, and a record is acknowledged by more than one. */
export function topicsSurviveABroker(objects: readonly Manifest[]): string[] {
  return [...topicsOf(objects).values()]
    .filter(({ spec }) => {
      const least = Number(spec.config?.['min.insync.replicas'] ?? 1);
      return least < 2 || spec.replicas <= least;
    })
    .map((topic) => `${nameOf(topic)}: should have 2 replicas in sync, and one more`);
}

/**
 * What a source reads can come again as long as it is in its topic, so ids must be remembered for longer (I2); the dead
 * letters are kept.
 */
export function idsOutliveRecords(objects: readonly Manifest[]): string[] {
  const { dedupeWindowMs } = readAccumulateConfig({ DATA_DIR: 'data' });
  const topics = topicsOf(objects);
  const sources = ofKind(objects, 'sources.knative.dev/v1 KafkaSource').map(({ spec }) => spec);
  const retention = (topic: string): number =>
    Number(topics.get(topic)?.spec.config?.['retention.ms'] ?? Number.NaN);
  const read = sources
    .flatMap((spec) => spec.topics)
    .filter((topic) => !(retention(topic) > 0 && retention(topic) < dedupeWindowMs))
    .map((topic) => `${topic}: should keep records for less than the ${dedupeWindowMs} ms that ids are kept`);
  const sinks = ofKind(objects, 'eventing.knative.dev/v1alpha1 KafkaSink');
  const dead = sources
    .map(({ delivery }) =>
      sinks.find(({ metadata }) => metadata.name === delivery?.deadLetterSink?.ref?.name),
    )
    .filter((sink) => sink !== undefined && retention(sink.spec.topic) !== -1)
    .map((sink) => `${sink?.spec.topic ?? ''}: should keep dead letters until they are looked at`);
  return [...read, ...dead];
}

function topicsOf(objects: readonly Manifest[]) {
  return new Map(
    ofKind(objects, 'kafka.strimzi.io/v1 KafkaTopic').map((topic) => [
      topic.spec.topicName ?? topic.metadata.name,
      topic,
    ]),
  );
}
