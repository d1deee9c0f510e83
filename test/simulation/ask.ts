// A call that its caller waits for so long and no longer.

import { Call } from './call.ts';
import { network } from './network.ts';
import type { Thread } from './sim-process.ts';
import { world } from './world.ts';

/** Calls from the current process; `done` is called once, on its thread, with the answer if there was one in time, else undefined. */
export function ask(
  thread: Thread,
  host: string,
  request: unknown,
  timeoutMs: number,
  done: (answer: unknown) => void,
): void {
  let isOver = false;
  const end = (answer?: unknown): void => {
    if (isOver) return;
    isOver = true;
    timer.isCancelled = true;
    done(answer);
  };
  const call = new Call<unknown, unknown>(network(), host, request, {
    onAnswer: end,
    onError: () => {
      end();
    },
  });
  const timer = world().schedule(thread, timeoutMs, () => {
    world().count('attempts that were given up');
    call.cut(new Error('deadline'));
  });
  call.begin();
}
