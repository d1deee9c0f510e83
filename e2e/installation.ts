// Tally in a namespace of its own: applied, waited for, removed.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

import type { Kubectl } from './kubectl.ts';
import { removeKustomization, writeKustomization } from './kustomization.ts';
import type { Options, Overlay } from './options.ts';
import { poll } from './poll.ts';
import type { Say } from './progress.ts';
import { missingOf, type Resource } from './resource.ts';

const readyMs = 300_000;
const removedMs = 400_000;
const removed = `--timeout=${removedMs / 1_000}s`;

const services = ['services.serving.knative.dev/add', 'services.serving.knative.dev/accumulate'];
const binding = 'sinkbindings.sources.knative.dev/add';

/** What must be ready, by overlay. */
const resources: Readonly<Record<Overlay, readonly string[]>> = {
  'no-kafka': [...services, binding, 'deployments.apps/log'],
  kafka: [
    ...services,
    binding,
    'kafkasinks.eventing.knative.dev/sums',
    'kafkasinks.eventing.knative.dev/sums-dead-letter',
    'kafkasources.sources.knative.dev/sums',
  ],
};

export function kindsOf(overlay: Overlay): string[] {
  return resources[overlay].map((resource) => resource.split('/')[0] ?? '');
}

/** Creates the namespace. @throws Error when it exists: what is in it is not ours to remove */
export async function createNamespace(kubectl: Kubectl): Promise<void> {
  await kubectl.run('create', 'namespace', kubectl.namespace);
}

/** Applies everything and waits until it is ready. @throws Error naming what is not */
export async function install(options: Options, kubectl: Kubectl, say: Say): Promise<void> {
  await kubectl.run('apply', '--kustomize', writeKustomization(options));
  if (options.prepare !== undefined) await runCommand(options.prepare, options.namespace);
  const said = new Map<string, string | undefined>();
  const missing = async (): Promise<string[]> => {
    const states = await Promise.all(
      resources[options.overlay].map(async (name) => {
        const state = missingOf(await kubectl.json<Resource>('get', name));
        if (!said.has(name) || said.get(name) !== state) say(`${name}: ${state ?? 'ready'}`);
        said.set(name, state);
        return state === undefined ? [] : [name];
      }),
    );
    return states.flat();
  };
  let last: string[] = [];
  await poll(
    'everything is ready',
    async () => {
      last = await missing();
      return last.length === 0;
    },
    readyMs,
  ).catch((cause: unknown) => {
    throw new Error(`not ready within ${readyMs / 1_000} s: ${last.join(', ')}`, { cause });
  });
}

/** The host by which the gateway routes to a function. */
export async function hostOf(name: string, options: Options, kubectl: Kubectl): Promise<string> {
  const { authoritySuffix, namespace } = options;
  if (authoritySuffix !== undefined) return `${name}.${namespace}.${authoritySuffix}`;
  const { status } = await kubectl.json<Resource>('get', `services.serving.knative.dev/${name}`);
  return new URL(status?.url ?? '').host;
}

/** Removes everything and, whatever comes of that, the namespace. @throws Error naming what failed */
export async function uninstall(options: Options, kubectl: Kubectl): Promise<void> {
  const { cleanup, namespace, overlay } = options;
  const failures: string[] = [];
  const attempt = async (remove: () => Promise<unknown>): Promise<void> => {
    try {
      await remove();
    } catch (error) {
      failures.push((error as Error).message);
    }
  };
  if (cleanup !== undefined) await attempt(() => runCommand(cleanup, namespace));
  // A namespace that still has pods when it is deleted is looked at again only after half of their grace.
  await attempt(async () => {
    await kubectl.run('delete', kindsOf(overlay).join(','), '--all', '--ignore-not-found', removed);
    const areGone = async (): Promise<boolean> =>
      (await kubectl.run('get', 'pods', '--output=name')).trim() === '';
    await poll('all pods are gone', areGone, removedMs);
  });
  await attempt(() => kubectl.run('delete', 'namespace', namespace, '--ignore-not-found', removed));
  removeKustomization(namespace);
  if (failures.length > 0) throw new Error(failures.join('; '));
}

async function runCommand(command: string, namespace: string): Promise<void> {
  // What it prints is for people, as everything but the table.
  const child = spawn('sh', ['-c', command], {
    env: { ...process.env, NAMESPACE: namespace },
    stdio: ['ignore', 2, 2],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${command} ended with ${String(code)}`);
}
