// The pods of the namespace as they are at the moment, kept by a watch.

import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

import type { Kubectl } from './kubectl.ts';
import { poll } from './poll.ts';

export type Part = 'add' | 'accumulate' | 'log';

export interface Pod {
  readonly name: string;
  /** Which part it is: its `app.kubernetes.io/name`. */
  readonly part: string;
  /** Of a function. */
  readonly revision: string;
  /** Ready, and not told to end. */
  readonly isUp: boolean;
  /** Up now, or at some time before. */
  readonly wasUp: boolean;
}

const columns = [
  '.type',
  '.object.metadata.name',
  String.raw`.object.metadata.labels.app\.kubernetes\.io/name`,
  String.raw`.object.metadata.labels.serving\.knative\.dev/revision`,
  '.object.status.conditions[?(@.type=="Ready")].status',
  '.object.metadata.deletionTimestamp',
];
// No tabs: kubectl makes columns of them.
const template = `${columns.map((path) => `{${path}}`).join('|')}{"\\n"}`;

export class Pods {
  readonly #kubectl: Kubectl;
  readonly #pods = new Map<string, Pod>();
  #most = 0;
  #isClosed = false;

  constructor(kubectl: Kubectl) {
    this.#kubectl = kubectl;
    this.#follow();
  }

  /** All of a part, those that are starting or ending too. */
  of(part: Part): Pod[] {
    return [...this.#pods.values()].filter((pod) => pod.part === part);
  }

  up(part: Part): Pod[] {
    return this.of(part).filter(({ isUp }) => isUp);
  }

  /** Waits until at least so many are up. @returns them */
  async untilUp(part: Part, count: number, timeoutMs: number): Promise<Pod[]> {
    return poll(
      `${count} pods of ${part} are ready`,
      () => {
        const up = this.up(part);
        return up.length >= count && up;
      },
      timeoutMs,
    );
  }

  /** Waits until none is left, not even one that is ending; those that never got ready serve nobody. */
  async untilNone(part: Part, timeoutMs: number): Promise<void> {
    const isNone = (): boolean => !this.of(part).some(({ wasUp }) => wasUp);
    await poll(`no pod of ${part} is left`, isNone, timeoutMs);
  }

  /** The most pods of add that were up at one time since this was last asked. */
  takeMost(): number {
    const most = this.#most;
    this.#most = this.up('add').length;
    return most;
  }

  /** Stops following; the watch itself ends with `kubectl`. */
  close(): void {
    this.#isClosed = true;
  }

  #follow(): void {
    if (this.#isClosed) return;
    this.#pods.clear();
    const watch = this.#kubectl.start(
      ...['get', 'pods', '--watch', '--output-watch-events', `--output=jsonpath=${template}`],
    );
    createInterface(watch.stdout as Readable).on('line', (line) => {
      this.#see(line);
    });
    // The server ends a watch after a while: the next begins with all that is there.
    watch.once('close', () => setTimeout(() => this.#follow(), 500));
  }

  #see(line: string): void {
    const [type, name = '', part = '', revision = '', ready, endingSince = ''] = line.split('|');
    if (type === 'DELETED') {
      this.#pods.delete(name);
    } else {
      const isUp = ready === 'True' && endingSince === '';
      const wasUp = ready === 'True' || this.#pods.get(name)?.wasUp === true;
      this.#pods.set(name, { name, part, revision, isUp, wasUp });
    }
    this.#most = Math.max(this.#most, this.up('add').length);
  }
}
