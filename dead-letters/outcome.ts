// What a command did: how it ends, and what it says.

export interface Outcome {
  readonly exitCode: number;
  /** On standard output, in the form that was asked for. */
  readonly text?: string;
  /** On standard error: what is wrong, or what else is worth knowing. */
  readonly note?: string;
}

export function countLetters(count: number): string {
  return `${count} dead ${count === 1 ? 'letter' : 'letters'}`;
}
