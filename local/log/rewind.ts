// `tally rewind`: lets the embedded log deliver again from an earlier record on, after an older ledger was restored. What
// is counted already is a duplicate (I2). The log must be stopped: it would go on from where it is.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { AppError, messageOf } from '../../lib/errors.ts';
import { watchOutput } from '../../lib/output.ts';
import { Store } from './store.ts';

const usage = `Usage: tally rewind [--data-dir DIR] [--to OFFSET]

Lets the embedded log in --data-dir (else DATA_DIR, else ./data), which must be stopped, deliver again from OFFSET on, by
default from the oldest record that it keeps. Records that are in the dead letters stay there.

Exit codes: 0 done, 2 wrong usage, a log that runs, or none.
`;

/** @returns the exit code */
function run(): number {
  const { values } = parseArgs({
    options: {
      'data-dir': { type: 'string' },
      to: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const fromEnv = process.env['DATA_DIR'] ?? '';
  if ((process.env['KAFKA_BROKERS'] ?? '') !== '') {
    const instead = "reset its group's offsets with kafka-consumer-groups.sh (docs/operations.md)";
    throw new AppError('invalid', `KAFKA_BROKERS is set, so the log is Kafka: ${instead}`);
  }
  const path = join(values['data-dir'] ?? (fromEnv === '' ? 'data' : fromEnv), 'log.db');
  // Opening it would make one.
  if (!existsSync(path)) throw new AppError('invalid', `there is no ${path}: is it the right directory?`);
  const store = new Store(path);
  try {
    const [first, saved] = [store.first('sums'), store.savedOffset];
    const to = values.to === undefined ? first : Number(/^\d{1,15}$/.exec(values.to)?.[0]);
    if (!(to >= first && to <= saved)) {
      throw new AppError(
        'invalid',
        `--to should be an offset from ${first} to ${saved}, where delivery would begin now`,
      );
    }
    store.saveOffset(to);
    process.stdout.write(
      `${path}: delivery begins at offset ${to}, with ${store.next('sums') - to} records to deliver\n`,
    );
    return 0;
  } finally {
    store.close();
  }
}

watchOutput('tally rewind', 2);
try {
  process.exitCode = run();
} catch (error) {
  process.stderr.write(`tally rewind: ${messageOf(error)}\n`);
  process.exitCode = 2;
}
