// What the command of jazzer.js runs, which takes no TypeScript by name: the target that FUZZ_TARGET names.

import { env } from 'node:process';

const target = /** @type {unknown} */ (await import(`./targets/${env['FUZZ_TARGET'] ?? ''}.ts`));
export const { fuzz } = /** @type {{ fuzz: import('./property.ts').Fuzz }} */ (target);
