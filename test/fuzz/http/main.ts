// `npm run fuzz:http [-- OPTIONS OF SCHEMATHESIS]`: accumulate over HTTP, against its own OpenAPI document, by
// schemathesis (Python 3.10 or newer; installed into .cache/ where it is missing). Every answer must be one that the
// document describes, what the document refuses must be refused and what it allows be taken. The same seed makes the
// same requests. Ends with schemathesis's own code: 0 when nothing was found.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { readConfig } from '../../../functions/accumulate/config.ts';
import { start } from '../../../functions/accumulate/main.ts';
import { createLog } from '../../../lib/log.ts';
import { sumEvent } from '../../sum-event.ts';

const version = '4.32.5';
const here = import.meta.dirname;
const environment = join(here, '../../../.cache', `schemathesis-${version}`);
const program = join(environment, 'bin/schemathesis');
/** Some forty seconds on two cores. */
const usual = ['--seed', '1', '--max-examples', '50'];
/** In the document an example: there is a request to be found. */
const knownRequest = '5f0c1e9a-3f0e-4c1b-9d2e-0a1b2c3d4e5f';

if (!existsSync(program)) {
  execFileSync('python3', ['-m', 'venv', environment], { stdio: 'inherit' });
  execFileSync(join(environment, 'bin/pip'), ['install', '--quiet', `schemathesis==${version}`], {
    stdio: 'inherit',
  });
}

const volume = mkdtempSync(join(tmpdir(), 'tally-fuzz-'));
const config = readConfig({
  HOST: '127.0.0.1',
  PORT: '0',
  DATA_DIR: volume,
  // Room for the longest batch that the document allows.
  MAX_BODY_BYTES: '67108864',
  MAX_IN_FLIGHT_BYTES: '67108864',
});
const accumulate = await start(config, await createLog('accumulate', 'warn'));
const url = `http://127.0.0.1:${accumulate.port}`;
try {
  await fetch(url, { method: 'POST', ...sumEvent(knownRequest, '2') });
  const schemathesis = spawn(
    program,
    [
      '--config-file',
      join(here, 'schemathesis.toml'),
      'run',
      `${url}/openapi.json`,
      ...usual,
      ...process.argv.slice(2),
    ],
    {
      // Where it leaves what it remembers of earlier runs.
      cwd: environment,
      env: { ...process.env, PYTHONPATH: here, PYTHONDONTWRITEBYTECODE: '1' },
      stdio: 'inherit',
    },
  );
  const [code] = (await once(schemathesis, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
} finally {
  await accumulate.drain();
  rmSync(volume, { recursive: true });
}
