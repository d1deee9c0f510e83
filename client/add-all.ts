// Many additions over one stream that survives the server: whatever was not answered when a stream breaks is sent
// again on the next one with the same ids (I1, I2). At most `window` additions are between the source and the
// consumer, so the source is read no faster than results are taken.

import { AddAllRun } from './add-all-run.ts';
import type { Added, OnRetry } from './add.ts';
import type { AdditionInput } from './addition.ts';
import type { Channel } from './channel.ts';
import type { TallyError } from './tally-error.ts';

export interface AddAllOptions {
  /** The most additions read and not yet handed out with their result, default 1,000. */
  readonly window?: number | undefined;
  /** Gives up when nothing was answered for so long although something waits, default 60 s. */
  readonly patienceMs?: number | undefined;
  /** Gives up at once. To stop in good order, end the source instead. */
  readonly signal?: AbortSignal | undefined;
  readonly onRetry?: OnRetry | undefined;
}

/** What became of one addition; `input` is the object that the source gave. */
export type AddAllResult<T> = { readonly input: T } & (
  ({ readonly error?: undefined } & Added) | { readonly error: TallyError }
);

/**
 * Results in the order of completion, one for each addition of the source; an addition that can't be counted has its
 * `error` there and stops no other.
 * @throws TallyError when the server refuses the stream for good, or `unavailable` when patience ran out: what has no
 * result yet may then be counted or not, and is safe to be sent again with the same ids. What the source throws, after
 * all that it gave before is answered.
 */
export async function* addAll<T extends AdditionInput>(
  channel: Channel,
  source: AsyncIterable<T> | Iterable<T>,
  options: AddAllOptions = {},
): AsyncGenerator<AddAllResult<T>, void, undefined> {
  const run = new AddAllRun<T>(channel, options);
  // Not awaited when the run fails: a source that waits for its next line can't be hurried.
  void run.read(source);
  const sending = run.send();
  const abort = () => {
    run.fail('interrupted');
  };
  options.signal?.addEventListener('abort', abort);
  if (options.signal?.aborted === true) abort();
  try {
    yield* run.results();
  } finally {
    options.signal?.removeEventListener('abort', abort);
    run.stop();
    await sending;
  }
}
