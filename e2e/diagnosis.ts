// What a person would look at when something in the namespace is not as it should be.

import type { Kubectl } from './kubectl.ts';
import { problemsOf, type Resource } from './resource.ts';

const lastEvents = 15;
const lastLines = 15;

interface List<T> {
  readonly items: readonly T[];
}

interface Event {
  readonly type: string;
  readonly reason?: string;
  readonly message?: string;
  readonly involvedObject: { readonly kind: string; readonly name: string };
}

interface ContainerStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly state?: Readonly<Record<string, { readonly reason?: string; readonly message?: string }>>;
}

interface PodResource extends Resource {
  readonly status?: Resource['status'] & {
    readonly phase?: string;
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

/** Lines for a person: conditions, pods with their last log lines, warnings. */
export async function diagnose(kubectl: Kubectl, kinds: readonly string[]): Promise<string> {
  const sections = await Promise.allSettled([
    describeConditions(kubectl, [...new Set([...kinds, 'revisions.serving.knative.dev'])]),
    describePods(kubectl),
    describeEvents(kubectl),
  ]);
  return sections
    .flatMap((section) => (section.status === 'fulfilled' ? section.value : [String(section.reason)]))
    .map((line) => `  ${line}\n`)
    .join('');
}

async function describeConditions(kubectl: Kubectl, kinds: readonly string[]): Promise<string[]> {
  const { items } = await kubectl.json<List<Resource>>('get', kinds.join(','));
  return items.flatMap(problemsOf);
}

async function describePods(kubectl: Kubectl): Promise<string[]> {
  const { items } = await kubectl.json<List<PodResource>>('get', 'pods');
  const described = items.map(async (pod) => {
    const { name } = pod.metadata;
    const containers = pod.status?.containerStatuses ?? [];
    const lines = [`Pod ${name}: ${pod.status?.phase ?? 'unknown'}`, ...problemsOf(pod)];
    // Knative's own container says only that the function's is not ready.
    const own = containers.filter(({ name: container }) => container !== 'queue-proxy');
    for (const container of own.filter(({ ready, restartCount }) => !ready || restartCount > 0)) {
      const [state = '', { reason, message } = {}] = Object.entries(container.state ?? {})[0] ?? [];
      const why = [state, reason, message].filter((text) => text !== undefined).join(', ');
      lines.push(`container ${container.name}: ${why}, ${container.restartCount} restarts`);
      const args = ['logs', name, '--container', container.name, `--tail=${lastLines}`];
      const log = await kubectl.run(...args).catch(String);
      lines.push(
        ...log
          .trimEnd()
          .split('\n')
          .map((line) => `| ${line}`),
      );
    }
    return lines;
  });
  return (await Promise.all(described)).flat();
}

async function describeEvents(kubectl: Kubectl): Promise<string[]> {
  const { items } = await kubectl.json<List<Event>>('get', 'events', '--sort-by=.lastTimestamp');
  return items
    .filter(({ type }) => type !== 'Normal')
    .slice(-lastEvents)
    .map(
      ({ reason = '', message = '', involvedObject: { kind, name } }) =>
        `${kind} ${name}: ${reason}: ${message}`,
    );
}
