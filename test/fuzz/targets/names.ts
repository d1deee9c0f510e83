// A name is taken or refused, and what is taken is the name that goes on: once more through the parser it is the same.

import { validate } from 'uuid';

import { parseRequestId, parseTotalName } from '../../../lib/names.ts';
import { check, parseOr } from '../property.ts';

export function fuzz(data: Buffer): void {
  const text = data.toString();
  const id = parseOr(() => parseRequestId(text), 'invalid');
  if (id !== undefined) {
    check(id === text.toLowerCase() && /^[0-9a-f-]{36}$/.test(id), 'an id is the text in lower case');
    check(parseRequestId(id) === id, 'an id stays the same');
  }
  // RFC 9562 has versions 1 to 8; other UUIDs are somebody's too.
  const isUuid = validate(text) && !/^(0{8}|f{8})-(0{4}|f{4})-/i.test(text);
  check(!isUuid || id !== undefined, 'a UUID is taken');
  const total = parseOr(() => parseTotalName(text), 'invalid');
  const label = /^[a-z0-9-]{1,63}$/.test(text) && !text.startsWith('-') && !text.endsWith('\n');
  check((total !== undefined) === (label || text === ''), 'a total is named by a label');
  check(total === undefined || total === (text || 'default'), 'a name is taken as it is');
}
