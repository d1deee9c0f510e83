import { describe, expect, test } from '@jest/globals';

import { type DeliveryPolicy, type Outcome, decide } from './delivery.ts';

const policy: DeliveryPolicy = { retries: 10, backoffDelayMs: 300, timeoutMs: 60_000 };
const answered = (status: number): Outcome => ({
  kind: 'answered',
  status,
  headers: {},
  body: Buffer.alloc(0),
});

describe('the outcome of a delivery', () => {
  test.each([200, 202, 204, 299])('%d means delivered', (status) => {
    expect(decide(policy, 1, answered(status))).toEqual({ kind: 'delivered' });
  });

  test.each([404, 408, 409, 429, 500, 501, 503, 599])('%d is tried again', (status) => {
    expect(decide(policy, 1, answered(status))).toEqual({ kind: 'retry', waitMs: 600 });
  });

  test.each([300, 301, 303, 307, 400, 401, 403, 405, 410, 413, 415, 422, 425, 451])(
    '%d ends in the dead letters at once',
    (status) => {
      expect(decide(policy, 1, answered(status))).toEqual({ kind: 'dead-letter' });
    },
  );

  test('no answer is tried again', () => {
    expect(decide(policy, 1, { kind: 'failed', reason: 'refused' })).toEqual({ kind: 'retry', waitMs: 600 });
  });

  test('a request that cannot be made ends in the dead letters at once', () => {
    expect(decide(policy, 1, { kind: 'unsendable', reason: 'invalid ce-subject header' })).toEqual({
      kind: 'dead-letter',
    });
  });

  test('ten retries wait twice as long each time, 613.8 s in all, before the dead letters', () => {
    const decisions = Array.from({ length: 11 }, (_, index) => decide(policy, index + 1, answered(503)));
    const waits = decisions.flatMap((decision) => (decision.kind === 'retry' ? [decision.waitMs] : []));
    expect(waits).toEqual([600, 1200, 2400, 4800, 9600, 19200, 38400, 76800, 153600, 307200]);
    expect(decisions.at(-1)).toEqual({ kind: 'dead-letter' });
  });
});
