// The two names that travel through the whole system, parsed once at the edge.

import { AppError, show } from './errors.ts';

declare const brand: unique symbol;

/** A UUID in lower case: what makes retries of one logical request the same request. */
export type RequestId = string & { readonly [brand]: 'RequestId' };

/** The name of a total: a DNS label, so that it can stand in paths, subjects and labels as it is. */
export type TotalName = string & { readonly [brand]: 'TotalName' };

export const defaultTotal = 'default' as TotalName;

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const totalName = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** RFC 9562, sections 5.9 and 5.10: the ids of a caller that forgot to make one. */
const notChosen = ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'];

/** Any UUID of RFC 9562 but nil and max, in either case. @throws AppError `invalid` */
export function parseRequestId(text: unknown): RequestId {
  const id = typeof text === 'string' && text.length === 36 ? text.toLowerCase() : '';
  if (!uuid.test(id) || notChosen.includes(id)) {
    throw new AppError('invalid', `must be a UUID, chosen once for each logical request, was ${show(text)}`);
  }
  return id as RequestId;
}

/** Empty or absent means `default`. @throws AppError `invalid` */
export function parseTotalName(text: unknown): TotalName {
  if (text === undefined || text === '') return defaultTotal;
  if (typeof text !== 'string' || !totalName.test(text)) {
    throw new AppError(
      'invalid',
      `must be 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit, was ${show(text)}`,
    );
  }
  return text as TotalName;
}
