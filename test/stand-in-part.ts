// Stands in for a part of the local system, to fail on command: it answers every request with 200, and when the file
// STAND_IN_DIR/<its name> exists at its start, it ends with the exit code that the file holds.

import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

import { closeServer, listen } from '../lib/http.ts';
import { runProcess } from '../lib/lifecycle.ts';
import { createLog } from '../lib/log.ts';

const name = process.env['FUNCTION'] ?? '';
const orders = join(process.env['STAND_IN_DIR'] ?? '', name);
if (existsSync(orders)) process.exit(Number(readFileSync(orders, 'utf8')));

await runProcess(await createLog(name, 'silent'), async () => {
  const server = createServer((_request, response) => response.end());
  const port = await listen(server, Number(process.env['PORT']), process.env['HOST']);
  return { port, drain: () => closeServer(server) };
});
