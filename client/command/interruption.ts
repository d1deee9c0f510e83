// Ctrl-C and SIGTERM for commands that have something to finish: the first asks, the second ends at once.

export interface Interruption {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** 128 and the signal's number once there was one, as shells have it. */
  readonly exitCode: number | undefined;
  /** Gives the signals their ordinary meaning back. */
  dispose(): void;
}

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

export function watchInterruption(): Interruption {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const interrupt = (name: NodeJS.Signals) => {
    const code = exitCodes[name === 'SIGTERM' ? 'SIGTERM' : 'SIGINT'];
    if (exitCode !== undefined) process.exit(code);
    exitCode = code;
    controller.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    dispose: () => {
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    },
  };
}
