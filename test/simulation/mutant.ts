// A mutant: one mistake in the product's code, which the simulation has to find.

import { mutants } from './mutants.ts';

export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  /** What it breaks. */
  readonly invariant: string;
  readonly edits: readonly Edit[];
  /** The seed to look from. */
  readonly from?: number;
}

export function findMutant(name: string): Mutant {
  const mutant = mutants.find((each) => each.name === name);
  if (mutant === undefined) throw new Error(`there is no mutant "${name}"`);
  return mutant;
}

/** The file's text with the mistake. */
export function applyMutant(mutant: Mutant, file: string, source: string): string {
  let text = source;
  for (const edit of mutant.edits) {
    if (edit.file !== file) continue;
    if (text.split(edit.find).length !== 2) {
      throw new Error(`mutant "${mutant.name}": ${file} should have this once: ${edit.find}`);
    }
    text = text.replace(edit.find, () => edit.replace);
  }
  return text;
}
