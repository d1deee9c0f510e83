// Configuration comes from environment variables only, read in one place for each process. Every problem is
// reported at once; empty means unset.

import { accessSync, constants } from 'node:fs';

import { show } from './errors.ts';

/** sysexits.h EX_CONFIG. */
export const exitConfig = 78;

/** Thrown by {@link EnvReader.done}: one line for each problem, naming variable, value and what it should be. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`configuration:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Reads `250ms`, `10s`, `5m`, `12h` or `30d` as milliseconds; undefined for anything else. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * (durationUnits[match[2] ?? ''] ?? Number.NaN);
}

/** Milliseconds in the largest unit that divides them. */
export function formatDuration(ms: number): string {
  const units = Object.entries(durationUnits).reverse();
  const [unit, unitMs] = units.find(([, length]) => ms >= length && ms % length === 0) ?? ['ms', 1];
  return `${ms / unitMs}${unit}`;
}

/** Reads variables and remembers what was wrong, so that {@link done} can name all of it. */
export class EnvReader {
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #problems: string[] = [];

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env;
  }

  /** The variable's text; undefined when unset or empty. */
  text(name: string): string | undefined {
    const value = this.#env[name];
    return value === undefined || value === '' ? undefined : value;
  }

  integer(name: string, fallback: number, { min, max }: { min: number; max: number }): number {
    return this.read(name, `a whole number from ${min} to ${max}`, fallback, (text) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    });
  }

  /** A TCP port; 0 means any free one. */
  port(name: string, fallback: number): number {
    return this.integer(name, fallback, { min: 0, max: 65_535 });
  }

  /** A duration in milliseconds, written with its unit. */
  durationMs(name: string, fallback: number, { min, max }: { min: number; max: number }): number {
    return this.read(
      name,
      `a duration from ${formatDuration(min)} to ${formatDuration(max)}`,
      fallback,
      (text) => {
        const value = parseDurationMs(text);
        return value !== undefined && value >= min && value <= max ? value : undefined;
      },
    );
  }

  /** An http or https address. */
  url(name: string): URL | undefined {
    return this.read<URL | undefined>(name, 'an http:// or https:// address', undefined, (text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      return url !== undefined && /^https?:$/.test(url.protocol) ? url : undefined;
    });
  }

  /** The path of a file that can be read. */
  file(name: string, fallback?: string): string | undefined {
    return this.read<string | undefined>(name, 'a file that can be read', fallback, (path) => {
      try {
        accessSync(path, constants.R_OK);
        return path;
      } catch {
        return undefined;
      }
    });
  }

  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    return this.read(name, `one of ${choices.join(', ')}`, fallback, (text) =>
      choices.find((choice) => choice === text),
    );
  }

  /** Any other shape: `parse` answers undefined for a text that is not `expected`. */
  read<T>(name: string, expected: string, fallback: T, parse: (text: string) => T | undefined): T {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const value = parse(text);
    if (value !== undefined) return value;
    this.problem(name, `was ${show(text)}, should be ${expected}`);
    return fallback;
  }

  /** Notes a problem that the caller found, such as a required variable that is unset. */
  problem(name: string, problem: string): void {
    this.#problems.push(`${name} ${problem}`);
  }

  /** Notes what another process will find wrong when it reads its own configuration with `read`. */
  foresee(read: () => unknown): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#problems.push(...error.problems);
    }
  }

  /** @throws ConfigError when anything that was read was not as it should be. */
  done(): void {
    if (this.#problems.length > 0) throw new ConfigError([...new Set(this.#problems)]);
  }
}
