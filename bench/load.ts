// What both load generators share: a number of operations in flight for some seconds, and how many came back. Nothing is
// counted that failed: one failure ends the run, because a bound that fails is no bound.

/** A run ends at this many operations, however many seconds it has left. */
const maxOperations = 1_000_000;

export interface LoadResult {
  readonly operations: number;
  /** From the first operation's begin to the last one's end. */
  readonly seconds: number;
  /** The time that 99 of 100 operations stayed below, where they began at a steady rate. */
  readonly p99Ms?: number;
}

/**
 * Begins operations so that `inFlight` are under way until `seconds` have passed, and waits for the last of them.
 * @param begin starts one operation, which calls `done` when it is over, never before `begin` has returned
 */
export function keepInFlight(
  inFlight: number,
  seconds: number,
  begin: (done: (error?: Error | null) => void) => void,
): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const until = began + seconds * 1_000;
    let open = 0;
    let operations = 0;
    const next = (): void => {
      open++;
      begin(done);
    };
    const done = (error?: Error | null): void => {
      open--;
      if (error) {
        reject(error);
        return;
      }
      operations++;
      const now = performance.now();
      if (now < until && operations + open < maxOperations) next();
      else if (open === 0) resolve({ operations, seconds: (now - began) / 1_000 });
    };
    for (let count = 0; count < inFlight; count++) next();
  });
}

/** How long a late start waits for the next: what is due meanwhile begins together, and its time runs since it was due. */
const tickMs = 1;

/**
 * Begins operations at a steady rate, however long each takes, for `seconds`, and waits for the last of them.
 * @param begin as that of {@link keepInFlight}
 * @returns with the time below which 99 of 100 operations stayed, from when each was due
 */
export function keepRate(
  ratePerSecond: number,
  seconds: number,
  begin: (done: (error?: Error | null) => void) => void,
): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const wanted = Math.min(maxOperations, Math.ceil(ratePerSecond * seconds));
    const latenciesMs: number[] = [];
    let begun = 0;
    const timer = setInterval(() => {
      while (begun < wanted && performance.now() - began >= (begun * 1_000) / ratePerSecond) {
        const dueAt = began + (begun * 1_000) / ratePerSecond;
        begun++;
        begin((error) => {
          const now = performance.now();
          if (error) {
            clearInterval(timer);
            reject(error);
            return;
          }
          latenciesMs.push(now - dueAt);
          if (latenciesMs.length < wanted) return;
          clearInterval(timer);
          const p99Ms = latenciesMs.sort((x, y) => x - y)[Math.ceil(wanted * 0.99) - 1] ?? Number.NaN;
          resolve({ operations: wanted, seconds: (now - began) / 1_000, p99Ms });
        });
      }
    }, tickMs);
  });
}

/** Runs what the benchmark asks for, until it is gone. `run` gets the command that this program takes. */
export function serveLoad(run: (command: never) => Promise<LoadResult>): void {
  process.on('message', (message) => {
    if (message === 'usage') return;
    void run(message as never).then((load) => process.send?.({ load }));
  });
  endWithParent();
  process.send?.({ listening: 0 });
}

/** Ends this process when the benchmark has ended or wants it to. */
export function endWithParent(): void {
  process.on('disconnect', () => process.exit());
}
