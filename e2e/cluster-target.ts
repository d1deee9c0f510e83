// The target of the exactness suite on a cluster: calls go through the gateway, disturbances are kubectl's.

import { createAdder } from '../test/exactness/adder.ts';
import { RestReads } from '../test/exactness/rest.ts';
import type { Disturbance, Target } from '../test/exactness/target.ts';
import type { ClusterLog } from './cluster-log.ts';
import type { Kubectl } from './kubectl.ts';
import type { Part, Pods } from './pods.ts';
import { poll } from './poll.ts';
import { missingOf, type Resource } from './resource.ts';

/** How long a part may take to come back. */
const backMs = 180_000;
/** A pod that is told to end drains first; Knative gives it five minutes. */
const goneMs = 330_000;
const deliveredMs = 300_000;
const countedMs = 120_000;
/** How many requests are looked up at one time. */
const lookups = 32;

export interface Cluster {
  readonly kubectl: Kubectl;
  readonly pods: Pods;
  /** Undefined when it cannot be asked. */
  readonly log: ClusterLog | undefined;
  /** Whether the log is a pod. */
  readonly hasLogPod: boolean;
  /** `HOST:PORT` */
  readonly gateway: string;
  readonly addHost: string;
  readonly accumulateHost: string;
}

/** The names of what can be done to it. */
export function disturbanceNames(hasLogPod: boolean): string[] {
  return partsOf(hasLogPod).flatMap((part) => [nameOf.stop(part), nameOf.kill(part), nameOf.rollOut(part)]);
}

export function createClusterTarget(cluster: Cluster): Target {
  const { pods, log, hasLogPod, gateway } = cluster;
  const adder = createAdder(gateway, cluster.addHost);
  const reads = new RestReads(`http://${gateway}`, cluster.accumulateHost);
  return {
    addresses: 1,
    addressesAreProcesses: false,
    // Far below the streams that one gateway carries.
    atOnce: 100,
    paceMs: 50,
    disturbances: partsOf(hasLogPod).flatMap((part) => disturb(cluster, part)),
    add: (_address, request, deadlineMs) => adder.add(request, deadlineMs),
    total: (name) => reads.total(name),
    find: (requestId, waitMs) => reads.find(requestId, waitMs),
    async settled(requestIds) {
      if (log !== undefined) {
        await poll('everything is delivered', async () => (await log.status())?.lag === 0, deliveredMs);
        return;
      }
      const waiting = requestIds.values();
      const lookUp = async (): Promise<void> => {
        for (const id of waiting) {
          if ((await reads.find(id, countedMs)) === undefined) throw new Error(`${id} is not counted`);
        }
      };
      await Promise.all(Array.from({ length: lookups }, lookUp));
    },
    ...(hasLogPod && {
      withoutLog: async (during) => {
        await cluster.kubectl.run('scale', 'deployment/log', '--replicas=0');
        await pods.untilNone('log', goneMs);
        await during();
        await cluster.kubectl.run('scale', 'deployment/log', '--replicas=1');
        await pods.untilUp('log', 1, backMs);
      },
    }),
  };
}

function partsOf(hasLogPod: boolean): Part[] {
  return ['add', 'accumulate', ...(hasLogPod ? (['log'] as const) : [])];
}

const nameOf = {
  stop: (part: Part) => `a pod of ${part} deleted`,
  kill: (part: Part) => `a pod of ${part} killed`,
  rollOut: (part: Part) => `a rollout of ${part}`,
};

function disturb({ kubectl, pods }: Cluster, part: Part): Disturbance[] {
  /** Waits until the pod is gone and another one has taken its place. */
  const replaced = async (name: string): Promise<void> => {
    const isReplaced = (): boolean =>
      !pods.of(part).some((pod) => pod.name === name) && pods.up(part).length > 0;
    await poll(`${name} is replaced`, isReplaced, goneMs);
  };
  const remove = async (...how: string[]): Promise<void> => {
    const [{ name } = { name: '' }] = await pods.untilUp(part, 1, backMs);
    await kubectl.run('delete', 'pod', name, '--wait=false', ...how);
    await replaced(name);
  };
  const rollOut = async (): Promise<void> => {
    const before = pods.of(part).map(({ name }) => name);
    if (part === 'log') await kubectl.run('rollout', 'restart', 'deployment/log');
    else await reviseFunction(kubectl, part);
    const areNew = (): boolean =>
      pods.up(part).length > 0 && !pods.of(part).some(({ name }) => before.includes(name));
    await poll(`${part} is rolled out and the pods from before are gone`, areNew, goneMs);
  };
  return [
    { name: nameOf.stop(part), isKill: false, run: () => remove() },
    { name: nameOf.kill(part), isKill: true, run: () => remove('--grace-period=0', '--force') },
    { name: nameOf.rollOut(part), isKill: false, run: rollOut },
  ];
}

/** A change of the template makes a new Revision, as a new image does. */
async function reviseFunction(kubectl: Kubectl, part: Part): Promise<void> {
  const service = `services.serving.knative.dev/${part}`;
  const annotations = { 'tally.dev/rolled-out-at': new Date().toISOString() };
  const patch = JSON.stringify({ spec: { template: { metadata: { annotations } } } });
  await kubectl.run('patch', service, '--type=merge', `--patch=${patch}`);
  await poll(
    `${part} has a new Revision`,
    async () => missingOf(await kubectl.json<Resource>('get', service)) === undefined,
    backMs,
  );
}
