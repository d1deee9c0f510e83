// What a person who waits is told, on standard error: standard output is the table's.

export type Say = (text: string) => void;

export function createProgress(): Say {
  const begun = performance.now();
  return (text) => {
    const seconds = ((performance.now() - begun) / 1_000).toFixed(1).padStart(7);
    process.stderr.write(`${seconds} s  ${text}\n`);
  };
}
