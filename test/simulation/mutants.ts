// The mistakes that the simulation has to find, each in the product's code as it is. One that is found no longer, or whose text
// is no longer there, fails its test.

import type { Edit, Mutant } from './mutant.ts';

function mutant(
  invariant: string,
  name: string,
  file: string,
  ...changes: readonly [find: string, replace: string][]
): Mutant {
  return { name, invariant, edits: changes.map(([find, replace]): Edit => ({ file, find, replace })) };
}

/** One that few seeds show: the seed to look from saves the minutes that those before it take. */
function rare(from: number, mutant: Mutant): Mutant {
  return { ...mutant, from };
}

const ledger = 'functions/accumulate/ledger';

/** Without it events are judged by the window alone. Some mistakes show only together with this one: it makes up for them. */
const forgetting: [find: string, replace: string] = [
  'if (time <= this.#forgottenUntil) {',
  'if (time === Number.NEGATIVE_INFINITY) {',
];

export const mutants: readonly Mutant[] = [
  // The add function.
  mutant('I1', 'cache before the acknowledgement', 'functions/add/handler.ts', [
    'flight.send();',
    'flight.send();\n    this.#acknowledged.set(requestId, fingerprint(addition));',
  ]),
  mutant('I7', 'cache a timeout', 'functions/add/handler.ts', [
    'if (landing === undefined) this',
    "if (landing === undefined || landing.code === 'timeout') this",
  ]),
  mutant('I7', 'success on timeout', 'functions/add/flight.ts', [
    'caller.answer(error);',
    'caller.answer(undefined);',
  ]),
  mutant('I2', 'retry with a new id', 'functions/add/flight.ts', [
    'this.#sink.post(this.#event,',
    "this.#sink.post(this.#attempts === 1 ? this.#event : { ...this.#event, headers: { ...this.#event.headers, 'ce-id': crypto.randomUUID() } },",
  ]),
  mutant('I1', 'take 503 for an acknowledgement', 'functions/add/retry.ts', [
    'if (status >= 200 && status < 300)',
    'if (status >= 200 && status < 504)',
  ]),
  mutant('I6', 'join whatever has the same id', 'functions/add/handler.ts', [
    'if (joined !== undefined && !isSame(joined.addition, addition)) {',
    'if (joined === null) {',
  ]),
  mutant('I6', 'compare a alone with a flight', 'functions/add/handler.ts', [
    ' && equalDecimals(x.b, y.b)',
    '',
  ]),
  mutant('I6', 'answer from the cache whatever is asked', 'functions/add/handler.ts', [
    'asked === fingerprint(addition) ? undefined : conflict(requestId)',
    'undefined',
  ]),
  mutant('I1', 'answer an item of a stream with the index of the last', 'functions/add/add-all.ts', [
    'this.#write(item.index, item.sentId',
    'this.#write(this.#items - 1, item.sentId',
  ]),

  // The log.
  mutant('I1', '202 before the record is stored', 'local/log/server.ts', [
    'await store(topic, record);\n      return fault',
    'void store(topic, record).catch(() => undefined);\n      return fault',
  ]),
  mutant('I1', 'log without fsync', 'local/log/store-file.ts', [
    'PRAGMA synchronous = FULL',
    'PRAGMA synchronous = OFF',
  ]),
  mutant(
    'I1',
    'commit the highest finished offset',
    'local/log/progress.ts',
    ['  #next: number;', '  #next: number;\n  #highest = 0;'],
    [
      'finish(offset: number): void {',
      'finish(offset: number): void {\n    this.#highest = Math.max(this.#highest, offset + 1);',
    ],
    ['return oldest;', 'return Math.max(oldest, this.#highest);'],
  ),
  mutant('I1', 'commit what has only begun', 'local/log/progress.ts', [
    'return oldest;',
    'return this.#next;',
  ]),
  mutant('I1', 'begin at the latest offset', 'local/log/source.ts', [
    'new Progress(options.store.savedOffset)',
    "new Progress(options.store.next('sums'))",
  ]),
  mutant('I1', 'drop a record after a 503', 'local/log/delivery.ts', [
    'if (outcome.status < 300) return',
    'if (outcome.status < 300 || outcome.status === 503) return',
  ]),
  mutant('I1', 'dead letter for a status that is retried', 'local/log/delivery.ts', [
    'if (outcome.status < 500 &&',
    'if (outcome.status < 504 &&',
  ]),
  mutant('I1', 'finish a record that was abandoned', 'local/log/deliverer.ts', [
    "if (!ends.includes('abandoned')) finish();",
    'finish();',
  ]),
  mutant('I1', 'finish a record before its dead letter is stored', 'local/log/event-log.ts', [
    'await writes.submit(write);',
    'void writes.submit(write).catch(() => undefined);\n      await Promise.resolve();',
  ]),
  mutant('I1', 'number records anew once all were removed', 'local/log/store.ts', [
    'next: Math.max(next ?? 0, least),',
    'next: Math.max(next ?? 0, Math.min(least, 0)),',
  ]),
  mutant('I1', 'remove records that are not delivered', 'local/log/store.ts', [
    '.all(this.#saved, limit) as',
    '.all(Number.MAX_SAFE_INTEGER, limit) as',
  ]),
  mutant('I5', 'leave a gap in the offsets after a failed write', 'local/log/store.ts', [
    'sums.next = before.sums;',
    '',
  ]),

  // The accumulate function.
  mutant('I1', '204 before the ledger has the event', `${ledger}/ledger.ts`, [
    'const result = await this.#batcher.submit(group);',
    "this.#batcher.submit(group).catch(() => undefined);\n    const result = { outcomes: group.map(() => 'applied') };",
  ]),
  mutant('I1', '204 before the fsync', `${ledger}/generation-file.ts`, [
    'PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint',
    'PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint',
  ]),
  mutant('I2', 'add to the total before looking for the mark', `${ledger}/batch.ts`, [
    '      this.#duplicates++;',
    '      const before = this.#drafts.get(entry.total) ?? this.#readDraft(entry.total);\n' +
      '      this.#drafts.set(entry.total, { ...before, value: addDecimals(before.value, entry.sum) });\n' +
      '      this.#duplicates++;',
  ]),
  mutant('I2', 'look for duplicates in the newest generation alone', `${ledger}/batch.ts`, [
    ': this.#findOlder(entry, key);',
    ': undefined;',
  ]),
  mutant('I5', 'marks and totals in two transactions', `${ledger}/batch.ts`, [
    'finish(): void {',
    "finish(): void {\n    this.#newest.db.exec('COMMIT; BEGIN IMMEDIATE');",
  ]),
  mutant('I6', 'compare a alone with what is counted', `${ledger}/batch.ts`, [' && entry.b === known.b', '']),
  mutant('I6', 'take a conflict for a duplicate', `${ledger}/batch.ts`, ['checkSame(entry, known);', '']),
  mutant('I5', 'leave the mark of a refused event', `${ledger}/batch.ts`, [
    '      this.#statements.unmark.run(key);\n      throw refusal;',
    '      throw refusal;',
  ]),
  mutant('I5', 'leave the mark of a duplicate of an older generation', `${ledger}/batch.ts`, [
    'if (!isMarked) this.#statements.unmark.run(key);',
    '',
  ]),
  mutant('I3', 'keep the totals of a refused batch', `${ledger}/batch.ts`, [
    'this.#drafts = before.drafts;',
    '',
  ]),
  mutant('I5', 'keep the events of a refused batch', `${ledger}/batch.ts`, [
    "db.exec('ROLLBACK TO applied');",
    '',
  ]),
  mutant(
    'I2',
    'count events whatever their time',
    `${ledger}/batch.ts`,
    ['this.#now - time > this.#windowMs', 'this.#now - time > 1_000 * this.#windowMs'],
    forgetting,
  ),
  mutant('I3', 'total as a float', `${ledger}/batch.ts`, [
    'total: formatDecimal(value), ...rest',
    "total: Number(formatDecimal(value)).toFixed(9).replace(/\\.?0+$/, '').replace(/^-0$/, '0'), ...rest",
  ]),
  mutant('I3', 'keep zeros at the end of a fraction', 'lib/decimal.ts', [
    'while (scale > 0 &&',
    'while (scale > 1 &&',
  ]),
  mutant('I2', 'know events by their id alone', `${ledger}/entry.ts`, [
    "`${source}\\n${id}`, 'buffer'",
    "id, 'buffer'",
  ]),
  mutant('I2', 'take a UUID in capitals for another', 'functions/accumulate/cloud-event.ts', [
    'source === eventSource ? id.toLowerCase() : id',
    'id',
  ]),
  mutant('I1', 'answers of a commit in the wrong order', 'lib/batcher.ts', [
    'resolve(results[index] as R)',
    'resolve(results[results.length - 1 - index] as R)',
  ]),
  mutant('I3', 'begin a generation without the totals', `${ledger}/volume.ts`, [
    'oldest }, newest.totals());',
    'oldest }, []);',
  ]),
  mutant('I5', 'no fsync of the directory after a link', `${ledger}/volume.ts`, [
    'linkSync(aside, path);\n    syncPath(directory);',
    'linkSync(aside, path);',
  ]),
  rare(
    2_300,
    mutant('I5', 'no fsync of the directory between two removals', `${ledger}/volume.ts`, [
      'rmSync(generation.file, { force: true });\n    syncPath(directory);',
      'rmSync(generation.file, { force: true });',
    ]),
  ),
  mutant('I5', 'delete generations without writing it down', `${ledger}/volume.ts`, [
    ' || !this.newest.setOldest(oldest.number)',
    '',
  ]),
  mutant('I2', 'prune one generation too early', `${ledger}/volume.ts`, [
    'findIndex((generation) => !isExpired(generation));',
    'findIndex((generation) => !isExpired(generation)) + 1;',
  ]),
  mutant('I2', 'prune after half the window', `${ledger}/volume.ts`, [
    '> retention.windowMs + maxAheadMs;',
    '> retention.windowMs / 2;',
  ]),
  mutant('I2', 'prune by a clock that was set', `${ledger}/writer.ts`, [
    '> maxClockJumpMs) return;',
    '> Number.MAX_VALUE) return;',
  ]),
  {
    invariant: 'I2',
    name: 'prune without regard to the time of events, and trust a clock that is behind',
    edits: [
      { file: `${ledger}/writer.ts`, find: 'Math.min(now, newestEventTime)', replace: 'now' },
      { file: `${ledger}/batch.ts`, find: forgetting[0], replace: forgetting[1] },
    ],
  },
  mutant('I2', 'seal by a clock that is behind', `${ledger}/volume.ts`, [
    'Math.max(now, newest.lastAppliedAt(), openedAt)',
    'now',
  ]),
  rare(
    6_850,
    mutant('I2', 'trust a clock that is behind after ids were deleted', `${ledger}/batch.ts`, forgetting),
  ),
  mutant(
    'I1',
    'take a disk that cannot be read just now for a mistake',
    `${ledger}/reader.ts`,
    [
      '        this.#volume.advance();\n      } catch (error) {\n        if (isFsync',
      '      } catch (error) {\n        if (isFsync',
    ],
    [
      '        throw toLedgerError(newest.file, error);\n      }\n    }\n  }',
      '        throw toLedgerError(newest.file, error);\n      }\n      this.#volume.advance();\n    }\n  }',
    ],
  ),
  mutant('I4', 'remember a total whatever is committed', `${ledger}/reader.ts`, [
    ' || this.#unchanged.dataVersion !== dataVersion',
    '',
  ]),
  mutant('I4', 'remember a total beyond its generation', `${ledger}/reader.ts`, [
    'this.#unchanged?.generation !== newest || this.#unchanged.dataVersion',
    'this.#unchanged?.dataVersion',
  ]),
  mutant('I4', 'look for a change after the read', `${ledger}/reader.ts`, [
    'const { totals } = this.#sinceChange();\n    if (totals.has(name)) return totals.get(name);\n    const total = this.#read((newest) => newest.total(name));',
    'const { totals } = this.#unchanged ?? this.#sinceChange();\n    const total = totals.has(name) ? totals.get(name) : this.#read((newest) => newest.total(name));\n    this.#sinceChange();',
  ]),
  mutant('I4', 'read without looking at the seal', `${ledger}/reader.ts`, [
    'if (newest.state().sealedAt === null) return',
    'return',
  ]),
  mutant('I2', 'write without looking at the seal', `${ledger}/writer.ts`, [
    'if (state.sealedAt !== null) {',
    'if (state.number === 0) {',
  ]),
  mutant('I4', 'take any tag for the newest', 'functions/accumulate/etag.ts', [
    "[etag, `W/${etag}`, '*'].includes(tag.trim())",
    "tag !== ''",
  ]),
  rare(
    1_620,
    mutant('I5', 'build on a seal that may be on no disk', `${ledger}/volume.ts`, [
      'for (const { file } of opened) settle(file);',
      'for (const { file } of opened.slice(-1)) settle(file);',
    ]),
  ),
  mutant('I5', 'build on the commit of a killed process that may be on no disk', `${ledger}/volume.ts`, [
    'for (const { file } of opened) settle(file);',
    '',
  ]),
  rare(
    2_690,
    mutant('I1', 'build a log on records that may be on no disk', 'local/log/store-file.ts', [
      "'COMMIT; PRAGMA wal_checkpoint(TRUNCATE)'",
      "'COMMIT'",
    ]),
  ),
  rare(
    16_860,
    mutant('I5', 'go on after a failed fsync', `${ledger}/writing-thread.ts`, [
      'if (isFsyncFailure(error)) throw error;\n        say(',
      'say(',
    ]),
  ),
  rare(
    7_330,
    mutant('I1', 'go on with a log after a failed fsync', 'local/log/housekeeping.ts', [
      'store.saveOffset(committed());\n    } catch (error) {\n      if (isFsyncFailure(error)) fail(error);',
      'store.saveOffset(committed());\n    } catch (error) {',
    ]),
  ),
];
