// The invariants at the level of the whole path, one scenario each. All use totals and ids of their own.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { status } from '@grpc/grpc-js';

import { isOk } from './adder.ts';
import { Caller, countedMs } from './caller.ts';
import type { Scenario } from './scenario.ts';

const sameId: Scenario = {
  name: 'I2: the same id 1,000 times at once, through every address, counts once',
  isDisturbed: false,
  async run(target) {
    const caller = new Caller(target, 'same-id');
    const request = { requestId: randomUUID(), a: '0.1', b: '0.2' };
    const answers = await caller.addAll(Array<typeof request>(1_000).fill(request));
    assert.deepEqual(
      answers.map(({ sum }) => sum),
      Array<string>(1_000).fill('0.3'),
    );
    return caller.settle('0.3');
  },
};

const otherOperands: Scenario = {
  name: 'I6: an id that comes back with other operands never changes a total',
  isDisturbed: false,
  async run(target) {
    const caller = new Caller(target, 'other-operands');
    const requestId = randomUUID();
    assert.equal((await caller.add({ requestId, a: '1', b: '1' })).sum, '2');
    const found = await target.find(requestId, countedMs);
    const counted = { id: requestId, total: caller.name, a: '1', b: '1', sum: '2' };
    assert.deepEqual({ ...found }, { ...found, ...counted });
    // A process that answered this id refuses it. Another one cannot know it: the ledger does, and the event ends
    // in the dead letters.
    const outcomes = target.addressesAreProcesses ? [['refused'], ['6']] : Array(2).fill(['refused', '6']);
    let accepted = 0;
    for (const [address, allowed] of (outcomes as string[][]).entries()) {
      const attempt = await caller.attempt({ requestId, a: '5', b: '1', address });
      const refused = !isOk(attempt) && attempt.code === status.ALREADY_EXISTS;
      const outcome = isOk(attempt) ? attempt.sum : refused ? 'refused' : attempt.message;
      assert.ok(allowed.includes(outcome), `address ${address} answered: ${outcome}`);
      // An answer that is replayed sent no event.
      if (isOk(attempt) && !attempt.replayed) accepted++;
    }
    const deadLetters = Array<string>(accepted).fill(requestId);
    return caller.settle('2', { minRecords: 1 + accepted, maxRecords: 1 + accepted, deadLetters });
  },
};

const forgottenAnswer: Scenario = {
  name: 'I2: a retry after the answer was forgotten counts once',
  isDisturbed: false,
  async run(target) {
    const caller = new Caller(target, 'forgotten-answer');
    const first = { requestId: randomUUID(), a: '1', address: 1 };
    await caller.add(first);
    await caller.add({ a: '10', address: 1 });
    const { sum, replayed } = await caller.add(first);
    assert.equal(sum, '1');
    const forgets = target.addressesAreProcesses;
    assert.ok(!(forgets && replayed), 'the answer was forgotten, so it cannot be replayed');
    return caller.settle('11', { minRecords: forgets ? 3 : 2, maxRecords: 3 });
  },
};

const largeAndTiny: Scenario = {
  name: 'I3: large and tiny amounts add up to the last digit, in any order',
  isDisturbed: false,
  async run(target) {
    const caller = new Caller(target, 'large-and-tiny');
    const huge = `1${'0'.repeat(400)}`;
    const tiny = `0.${'0'.repeat(400)}1`;
    const amounts = [huge, tiny, `-${huge}`, '0.1', '0.2', '-0.3', tiny, '9007199254740993', '2147483648'];
    await caller.addAll(amounts.map((a) => ({ a })));
    return caller.settle(`9007201402224641.${'0'.repeat(400)}2`);
  },
};

const monotonicReads: Scenario = {
  name: 'I4: reads never go back while events are counted',
  isDisturbed: false,
  async run(target) {
    const caller = new Caller(target, 'monotonic-reads');
    const counts: number[] = [];
    const versions: number[] = [];
    const deadline = Date.now() + countedMs;
    const reading = (async () => {
      while ((counts.at(-1) ?? 0) < 500 && Date.now() < deadline) {
        const { count, version } = await target.total(caller.name);
        counts.push(count);
        versions.push(version);
      }
    })();
    await Promise.all([caller.addAll(Array<{ a: string }>(500).fill({ a: '1' })), reading]);
    assert.ok(new Set(counts).size > 2, 'it was read while events were counted');
    for (const numbers of [counts, versions]) {
      assert.deepEqual(
        numbers,
        numbers.toSorted((x, y) => x - y),
      );
    }
    return caller.settle('500');
  },
};

const withoutLog: Scenario = {
  name: 'I1, I7: with the log gone an answer is never OK, and a retry with the same id settles it',
  isDisturbed: true,
  isOffered: (target) => target.withoutLog !== undefined,
  async run(target) {
    const caller = new Caller(target, 'without-log');
    const request = { requestId: randomUUID(), a: '1', b: '1' };
    await target.withoutLog?.(async () => {
      const attempt = await caller.attempt(request, 1_000);
      const code = isOk(attempt) ? status.OK : attempt.code;
      assert.ok([status.DEADLINE_EXCEEDED, status.UNAVAILABLE].includes(code), `answered ${status[code]}`);
    });
    assert.equal((await caller.add(request)).sum, '2');
    return caller.settle('2');
  },
};

const allKilled: Scenario = {
  name: 'I1, I5: what was acknowledged is there after every process was killed at once',
  isDisturbed: true,
  async run(target) {
    const caller = new Caller(target, 'all-killed');
    await caller.addAll(Array<{ a: string }>(200).fill({ a: '0.01' }));
    const kills = target.disturbances.filter(({ isKill }) => isKill);
    assert.ok(kills.length > 0, 'nothing can be killed here');
    await Promise.all(kills.map((kill) => kill.run()));
    return caller.settle('2');
  },
};

export const scenarios: readonly Scenario[] = [
  sameId,
  otherOperands,
  forgottenAnswer,
  largeAndTiny,
  monotonicReads,
  withoutLog,
  allKilled,
];
