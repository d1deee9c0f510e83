// What `npm run e2e` can be told.

import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';

export const overlays = ['no-kafka', 'kafka'] as const;
export type Overlay = (typeof overlays)[number];

export interface Options {
  /** What the cluster pulls: `registry/name:tag` or `registry/name@sha256:…`. */
  readonly image: string;
  readonly overlay: Overlay;
  /** Where the gateway is reached from here, `HOST:PORT`. */
  readonly gateway: string;
  /** Hosts are `FUNCTION.NAMESPACE.SUFFIX`; undefined for what the Services say themselves. */
  readonly authoritySuffix: string | undefined;
  readonly namespace: string;
  readonly keep: boolean;
  /** To how many pods of add the load must scale. */
  readonly pods: number;
  /** How many pods are killed at random. */
  readonly kills: number;
  readonly seed: number;
  /** How long everything may take. */
  readonly minutes: number;
  readonly storageClass: string | undefined;
  /** Where the overlay kafka finds Kafka from inside the cluster; undefined for what it says itself. */
  readonly kafka: string | undefined;
  /** Shell commands that get NAMESPACE, run after the manifests are applied and before they are removed. */
  readonly prepare: string | undefined;
  readonly cleanup: string | undefined;
  readonly json: string | undefined;
}

export const usage = `npm run e2e -- --image IMAGE --overlay no-kafka|kafka --gateway HOST:PORT [options]

Installs Tally in a namespace of its own on the cluster that KUBECONFIG points to, runs the exactness suite through the
gateway while it scales, rolls out and loses pods, prints a table and removes the namespace.

  --image IMAGE             what the cluster pulls, such as registry.example.com/tally:1.0
  --overlay OVERLAY         no-kafka or kafka: which of knative/overlays
  --gateway HOST:PORT       where Kourier's gateway is reached from here
  --authority-suffix NAME   hosts are add.NAMESPACE.NAME; unless given, as the Services say
  --namespace NAME          must not exist yet; default a new tally-e2e-…
  --keep                    leaves the namespace
  --pods N                  scales add to at least so many pods (3)
  --kills N                 kills so many pods at random (6); --seed N repeats a run's choices
  --minutes N               gives up after so long (60)
  --storage-class NAME      of the volumes; unless given, the cluster's default
  --kafka HOST:PORT,…       Kafka as pods reach it, for the overlay kafka
  --prepare COMMAND         run by sh after the manifests are applied, with NAMESPACE in its environment
  --cleanup COMMAND         the same, before they are removed
  --json FILE               writes the table as JSON

With KAFKA_BROKERS and the like in the environment (docs/configuration.md) the overlay kafka's topic is also asked from here
for its lag and its dead letters. Exit codes: 0 all was exact, 1 something was not, 64 wrong usage, 130 interrupted.
`;

/** @throws Error saying what is wrong */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      image: { type: 'string' },
      overlay: { type: 'string' },
      gateway: { type: 'string' },
      'authority-suffix': { type: 'string' },
      namespace: { type: 'string' },
      keep: { type: 'boolean', default: false },
      pods: { type: 'string', default: '3' },
      kills: { type: 'string', default: '6' },
      seed: { type: 'string' },
      minutes: { type: 'string', default: '60' },
      'storage-class': { type: 'string' },
      kafka: { type: 'string' },
      prepare: { type: 'string' },
      cleanup: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const overlay = overlays.find((one) => one === values.overlay);
  if (overlay === undefined) throw wrong('overlay', values.overlay, overlays.join(' or '));
  const seed = values.seed ?? String(Date.now() % 1_000_000);
  return {
    image: matching('image', values.image, /^[^\s@]+(@sha256:[0-9a-f]{64})?$/, 'the name of an image'),
    overlay,
    gateway: matching('gateway', values.gateway, /^[^\s:/]+:\d{1,5}$/, 'HOST:PORT'),
    authoritySuffix: values['authority-suffix'],
    // A label of DNS, so that hosts can be made of it.
    namespace: matching(
      'namespace',
      values.namespace ?? `tally-e2e-${randomUUID().slice(0, 8)}`,
      /^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$/,
      'a short name of a-z, 0-9 and -',
    ),
    keep: values.keep,
    pods: whole('pods', values.pods, 1, 50),
    kills: whole('kills', values.kills, 0, 100),
    seed: whole('seed', seed, 0, 999_999_999),
    minutes: whole('minutes', values.minutes, 1, 600),
    storageClass: values['storage-class'],
    kafka: values.kafka,
    prepare: values.prepare,
    cleanup: values.cleanup,
    json: values.json,
  };
}

function matching(name: string, value: string | undefined, pattern: RegExp, what: string): string {
  if (value === undefined || !pattern.test(value)) throw wrong(name, value, what);
  return value;
}

function whole(name: string, value: string, min: number, max: number): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= min && number <= max)) throw wrong(name, value, `a whole number from ${min} to ${max}`);
  return number;
}

function wrong(name: string, value: string | undefined, should: string): Error {
  const was = value === undefined ? 'is missing' : `was ${JSON.stringify(value)}`;
  return new Error(`--${name} ${was}, should be ${should}`);
}
