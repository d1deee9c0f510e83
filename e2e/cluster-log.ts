// The state of the log of a cluster: of the embedded one its own pages, through a forwarded port, which no network
// policy is in the way of; of Kafka what the brokers say, where they can be reached from here.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

import { createLog } from '../lib/log.ts';
import { EnvReader } from '../lib/env.ts';
import { createClient } from '../local/kafka/client.ts';
import { readKafka } from '../local/kafka/config.ts';
import { readStatus } from '../local/kafka/status.ts';
import { wantsKafka } from '../local/kafka/wanted.ts';
import type { LogStatus } from '../local/log/status.ts';
import type { Kubectl } from './kubectl.ts';
import type { Overlay } from './options.ts';

export interface ClusterLog {
  /** Undefined while it does not answer. */
  status(): Promise<Pick<LogStatus, 'records' | 'lag' | 'deadLetters'> | undefined>;
}

/** Undefined for a Kafka that cannot be reached from here. */
export async function openClusterLog(overlay: Overlay, kubectl: Kubectl): Promise<ClusterLog | undefined> {
  if (overlay === 'no-kafka') return new EmbeddedLog(kubectl);
  return wantsKafka(process.env) ? openKafkaLog(kubectl.namespace) : undefined;
}

/** @param topic also the name of the group */
async function openKafkaLog(topic: string): Promise<ClusterLog> {
  const reader = new EnvReader(process.env);
  const config = readKafka(reader);
  reader.done();
  const admin = createClient(config, await createLog('e2e', 'error')).admin();
  await admin.connect();
  return { status: () => readStatus(admin, { topic, group: topic }, []) };
}

class EmbeddedLog implements ClusterLog {
  readonly #kubectl: Kubectl;
  #forward: { readonly child: ChildProcess; readonly url: string } | undefined;

  constructor(kubectl: Kubectl) {
    this.#kubectl = kubectl;
  }

  async status(): Promise<LogStatus | undefined> {
    try {
      const { url } = (this.#forward ??= await this.#open());
      const response = await fetch(`${url}/status`, { signal: AbortSignal.timeout(5_000) });
      return (await response.json()) as LogStatus;
    } catch {
      // It leads to one pod, which may be gone.
      this.#forward?.child.kill();
      this.#forward = undefined;
      return undefined;
    }
  }

  async #open() {
    const child = this.#kubectl.start('port-forward', 'deployment/log', ':8080');
    const ended = once(child, 'exit').then(() => {
      throw new Error('the log cannot be reached');
    });
    const lines = createInterface(child.stdout as Readable);
    const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string];
    ended.catch(() => undefined);
    const port = /127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    if (port === undefined) throw new Error(`kubectl port-forward said ${line}`);
    return { child, url: `http://127.0.0.1:${port}` };
  }
}
