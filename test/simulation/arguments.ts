// What the commands read from their arguments; what is wrong ends them with code 2.

import { mutants } from './mutants.ts';
import type { Mutant } from './mutant.ts';

export function readWholeNumber(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  return refuse(`--${name} should be a whole number, was ${JSON.stringify(text)}`);
}

export function readMutant(name: string): Mutant {
  const mutant = mutants.find((each) => each.name === name);
  const names = mutants.map((each) => `  ${each.name}`).join('\n');
  return mutant ?? refuse(`there is no mutant ${JSON.stringify(name)}, there are\n${names}`);
}

function refuse(problem: string): never {
  process.stderr.write(`${problem}\n`);
  process.exit(2);
}
