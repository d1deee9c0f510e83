// Bytes that claim to be an AddRequest are refused, or are one addition whose event accumulate reads as just that.

import { parseRequest } from '../../../functions/accumulate/cloud-event.ts';
import { adderService } from '../../../functions/add/proto.ts';
import { parseAddRequest } from '../../../functions/add/validate.ts';
import { addDecimals, formatDecimal } from '../../../lib/decimal.ts';
import { encodeEvent, eventSource } from '../../../lib/event.ts';
import type { AddRequest__Output } from '../../../proto/generated/tally/v1/AddRequest.ts';
import { check, isSame, parseOr } from '../property.ts';

const now = new Date(0);

export function fuzz(data: Buffer): void {
  const request = decode(data);
  if (request === undefined) return;
  const { requestDeserialize, requestSerialize } = adderService.Add;
  const again = requestDeserialize(requestSerialize(request));
  check(isSame(again, request), 'a message is itself when it is sent on');
  const addition = parseOr(() => parseAddRequest(request), 'invalid');
  if (addition === undefined) return;
  const sum = addDecimals(addition.a, addition.b);
  const { headers, body } = encodeEvent(addition, sum, now);
  const { requestId, total, a, b } = addition;
  const wanted = {
    source: eventSource,
    id: requestId,
    total,
    a: formatDecimal(a),
    b: formatDecimal(b),
    sum,
    time: 0,
  };
  check(
    isSame(parseRequest(headers, Buffer.from(body), 1), [wanted]),
    'accumulate reads the event as it was meant',
  );
}

/** What is no message, grpc-js answers itself. */
function decode(data: Buffer): AddRequest__Output | undefined {
  try {
    return adderService.Add.requestDeserialize(data);
  } catch (error) {
    // protobufjs names what it refuses: an index out of range, an invalid wire type, a group without end.
    check(
      error instanceof Error && /index out of range|invalid|illegal|missing|max/i.test(error.message),
      'it says why',
    );
    return undefined;
  }
}
