// The fuzz targets and their corpora: inputs that each reach something of their own, and those that found something.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;

export const targets = readdirSync(join(here, 'targets')).map((name) => name.replace(/\.ts$/, ''));

export function corpusOf(target: string): string {
  return join(here, 'corpus', target);
}

export interface Input {
  readonly name: string;
  readonly data: Buffer;
}

export function readCorpus(target: string): Input[] {
  const directory = corpusOf(target);
  return readdirSync(directory).map((name) => ({ name, data: readFileSync(join(directory, name)) }));
}
