// A process of the simulated system: its clocks, its threads, and its end.

/** What is thrown where a process ends in the midst of its own code. */
export class ProcessEnded extends Error {
  constructor() {
    super('the simulated process has ended');
    this.name = 'ProcessEnded';
  }
}

/** What runs one step after the other. */
export class Thread {
  readonly process: SimProcess;
  /** Until when its last step blocks it: a disk that is slow, a wait for a lock. */
  busyUntil = 0;
  /** Told what its code threw; without it the process ends. */
  onError: ((error: unknown) => void) | undefined;

  constructor(process: SimProcess) {
    this.process = process;
  }
}

export class SimProcess {
  readonly name: string;
  /** Of its place in the run: the same in each replay. */
  readonly number: number;
  readonly pid: number;
  readonly main: Thread;
  /** When it began, by the world's clock. */
  readonly startedAt: number;
  /** By how much its wall clock is wrong. */
  skewMs = 0;
  /** How long its machine was suspended, which the monotonic clock does not count. */
  suspendedMs = 0;
  isAlive = true;
  /** A fault of its disk after which it may end by itself. */
  hasBadDisk = false;
  /** Called once at its end, however it ends. */
  readonly atEnd: (() => void)[] = [];

  constructor(options: { name: string; number: number; pid: number; startedAt: number }) {
    this.name = options.name;
    this.number = options.number;
    this.pid = options.pid;
    this.startedAt = options.startedAt;
    this.main = new Thread(this);
  }

  /** Ends it at once: what it has in memory is gone, and nothing that it still tries has an effect. */
  end(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    for (const close of this.atEnd) close();
  }
}
