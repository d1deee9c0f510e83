// Reads a request off the wire into an addition, once: everything inside works with typed, canonical values.

import { parseDecimal } from '../../lib/decimal.ts';
import { AppError, messageOf, type Violation } from '../../lib/errors.ts';
import type { Addition } from '../../lib/event.ts';
import { parseRequestId, parseTotalName } from '../../lib/names.ts';
import type { AddRequest__Output } from '../../proto/generated/tally/v1/AddRequest.ts';

/** @throws AppError `invalid` with one violation for every bad field, named as in the contract */
export function parseAddRequest(request: AddRequest__Output): Addition {
  const violations: Violation[] = [];
  const requestId = parseField('request_id', request.requestId, parseRequestId, violations);
  const a = parseField('a', request.a, parseDecimal, violations);
  const b = parseField('b', request.b, parseDecimal, violations);
  const total = parseField('total', request.total, parseTotalName, violations);
  if (requestId === undefined || a === undefined || b === undefined || total === undefined) {
    const problems = violations.map(({ field, description }) => `${field} ${description}`);
    throw new AppError('invalid', problems.join('; '), { violations });
  }
  return { requestId, total, a, b };
}

function parseField<T>(
  field: string,
  text: string,
  parse: (text: unknown) => T,
  violations: Violation[],
): T | undefined {
  try {
    return parse(text);
  } catch (error) {
    violations.push({ field, description: messageOf(error) });
    return undefined;
  }
}
