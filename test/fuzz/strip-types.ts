// Hands jazzer.js the modules as JavaScript: `node --import ./test/fuzz/strip-types.ts`. It instruments ES modules, but
// only what Node calls one, and TypeScript comes to it unstripped.

import { type LoadHook, register, stripTypeScriptTypes } from 'node:module';
import { isMainThread } from 'node:worker_threads';

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  if (loaded.format !== 'module-typescript' || loaded.source === undefined) return loaded;
  const text = Buffer.from(loaded.source as Uint8Array).toString();
  return { ...loaded, format: 'module', source: stripTypeScriptTypes(text) };
};

// The hooks have a thread of their own. Deprecated, but jazzer.js has its hooks there, and this one has to come before.
// eslint-disable-next-line @typescript-eslint/no-deprecated
if (isMainThread) register(import.meta.url);
