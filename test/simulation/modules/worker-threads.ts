// `node:worker_threads` for the product's code: the writing thread as a second thread of the simulated process. What
// the two say to each other takes a little time, and nothing is said by a process that has ended.

import { EventEmitter } from 'node:events';
import type { MessagePort } from 'node:worker_threads';

import type { ToWorker, WorkerSettings } from '../../../functions/accumulate/ledger/messages.ts';
import { runWritingThread } from '../../../functions/accumulate/ledger/writing-thread.ts';
import { Thread } from '../sim-process.ts';
import { world } from '../world.ts';

/** One end of a channel. */
class Port extends EventEmitter {
  readonly #thread: Thread;
  readonly #isSynchronous: boolean;
  other: EventEmitter | undefined;
  onClose: () => void = () => undefined;
  #lastAt = 0;

  constructor(thread: Thread, isSynchronous: boolean) {
    super();
    this.#thread = thread;
    this.#isSynchronous = isSynchronous;
  }

  /** Sends to the thread of this port, in order. */
  postMessage(message: unknown): void {
    const { now, elapsed, dice, profile } = world();
    const at = Math.max(this.#lastAt, now + elapsed + dice.between(0.005, profile.threadDelayMs));
    this.#lastAt = at;
    world().schedule(
      this.#thread,
      at - now - elapsed,
      () => {
        this.other?.emit('message', message);
      },
      { inOrder: true, isSynchronous: this.#isSynchronous },
    );
  }

  close(): void {
    this.onClose();
  }
}

/** There is one worker in the product, the ledger's writing thread. */
export class Worker extends EventEmitter {
  readonly #toWorker: Port;

  constructor(_file: URL, { workerData }: { readonly workerData: WorkerSettings }) {
    super();
    const main = world().thread;
    const thread = new Thread(main.process);
    this.#toWorker = new Port(thread, true);
    const toMain = new Port(main, false);
    this.#toWorker.other = toMain;
    toMain.other = this;
    let hasEnded = false;
    const end = (error: unknown): void => {
      if (hasEnded) return;
      hasEnded = true;
      world().schedule(main, 0.02, () => {
        if (error !== undefined) this.emit('error', error);
        this.emit('exit');
      });
    };
    toMain.onClose = () => {
      end(undefined);
    };
    thread.onError = end;
    world().schedule(thread, 0.5, () => {
      runWritingThread(toMain as unknown as MessagePort, workerData);
    });
  }

  postMessage(message: ToWorker): void {
    this.#toWorker.postMessage(message);
  }
}
