// K_CE_OVERRIDES may add attributes to every event, and never change what an event means (I2, I6).

import { parseRequest } from '../../../functions/accumulate/cloud-event.ts';
import { readConfig } from '../../../functions/add/config.ts';
import { parseDecimal } from '../../../lib/decimal.ts';
import { ConfigError } from '../../../lib/env.ts';
import { encodeEvent } from '../../../lib/event.ts';
import { parseRequestId, parseTotalName } from '../../../lib/names.ts';
import { readEvent } from '../../../local/log/cloud-event.ts';
import { check, isSame } from '../property.ts';

const addition = {
  requestId: parseRequestId('5f0c1e9a-3f0e-4c1b-9d2e-0a1b2c3d4e5f'),
  total: parseTotalName('sales'),
  ...{ a: parseDecimal('2'), b: parseDecimal('3') },
};
const encode = (extensions: Readonly<Record<string, string>>) =>
  encodeEvent(addition, parseDecimal('5'), new Date(0), { extensions });
const plain = encode({});
const meant = parseRequest(plain.headers, Buffer.from(plain.body), 1);

export function fuzz(data: Buffer): void {
  let extensions;
  try {
    ({ extensions } = readConfig({ K_CE_OVERRIDES: data.toString() }));
  } catch (error) {
    check(error instanceof ConfigError && error.message.includes('K_CE_OVERRIDES'), 'the variable is named');
    return;
  }
  const { headers, body } = encode(extensions);
  check(isSame(parseRequest(headers, Buffer.from(body), 1), meant), 'the event means what it did');
  for (const [name, value] of Object.entries(extensions)) {
    check(headers[`ce-${name}`] === value, 'each attribute is on the event');
  }
  const { key } = readEvent(headers, Buffer.from(body));
  check(key === addition.requestId, 'duplicates meet in one partition');
}
