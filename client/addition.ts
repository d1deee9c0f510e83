// What a caller asks for, read once at the edge: every wrong field is named at once, before anything is sent.

import { randomUUID } from 'node:crypto';

import { formatDecimal, parseDecimal } from '../lib/decimal.ts';
import { AppError, type Violation } from '../lib/errors.ts';
import { parseRequestId, parseTotalName, type RequestId, type TotalName } from '../lib/names.ts';
import { TallyError } from './tally-error.ts';

/** One logical addition of a + b to a total. */
export interface AdditionInput {
  /** Decimals as text, at most 1,000 digits, no exponent: `"2"`, `"-0.10"`. Numbers are not taken: they round. */
  readonly a: string;
  readonly b: string;
  /** The total's name; `default` when absent. */
  readonly total?: string | undefined;
  /** A UUID. When absent one is made, once for the call with all its retries. */
  readonly requestId?: string | undefined;
}

/** A valid addition as it goes over the wire, operands in canonical form. */
export interface WireAddition {
  readonly requestId: RequestId;
  readonly a: string;
  readonly b: string;
  readonly total: TotalName;
}

/** @throws TallyError `invalid` with one violation for each bad field */
export function parseAddition(input: AdditionInput): WireAddition {
  const violations: Violation[] = [];
  const read = <T>(field: string, parse: () => T): T | undefined => {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      violations.push({ field, description: error.message });
      return undefined;
    }
  };
  const requestId = read('request_id', () => parseRequestId(input.requestId ?? randomUUID()));
  const a = read('a', () => formatDecimal(parseDecimal(input.a)));
  const b = read('b', () => formatDecimal(parseDecimal(input.b)));
  const total = read('total', () => parseTotalName(input.total));
  if (requestId === undefined || a === undefined || b === undefined || total === undefined) {
    const message = violations.map(({ field, description }) => `${field} ${description}`).join('; ');
    throw new TallyError('invalid', message, { requestId, violations });
  }
  return { requestId, a, b, total };
}
