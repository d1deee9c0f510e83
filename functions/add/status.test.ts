import { expect, test } from '@jest/globals';
import { status } from '@grpc/grpc-js';

import { AppError, type ErrorCode } from '../../lib/errors.ts';
import { decodeDetails } from './harness.ts';
import { statusType } from './proto.ts';
import { codeName, toStatus, toStatusObject } from './status.ts';

const cases: [ErrorCode, status][] = [
  ['invalid', status.INVALID_ARGUMENT],
  ['unauthenticated', status.UNAUTHENTICATED],
  ['forbidden', status.PERMISSION_DENIED],
  ['conflict', status.ALREADY_EXISTS],
  ['expired', status.FAILED_PRECONDITION],
  ['refused', status.INTERNAL],
  ['overloaded', status.RESOURCE_EXHAUSTED],
  ['unavailable', status.UNAVAILABLE],
  ['timeout', status.DEADLINE_EXCEEDED],
  ['damaged', status.DATA_LOSS],
  ['internal', status.INTERNAL],
];

test.each(cases)('%s has its gRPC code, for a call and for a result', (code, expected) => {
  const error = new AppError(code, 'because');
  const { code: called, details, metadata } = toStatusObject(error);
  expect([called, details]).toEqual([expected, 'because']);
  const [bytes] = metadata.get('grpc-status-details-bin');
  const decoded = statusType.deserialize(bytes as Buffer);
  expect(decoded).toMatchObject({ code: expected, message: 'because' });
  const { ErrorInfo } = decodeDetails(decoded);
  expect(ErrorInfo).toEqual({ reason: code.toUpperCase(), domain: 'tally.dev', metadata: {} });
  expect(toStatus(error)).toMatchObject({ code: expected, message: 'because' });
  expect(codeName(error)).toBe(status[expected]);
});

test('only a limit that is reached gives pushback, the same as its RetryInfo', () => {
  const { metadata } = toStatusObject(new AppError('overloaded', 'full'));
  const [bytes] = metadata.get('grpc-status-details-bin');
  const { RetryInfo } = decodeDetails(statusType.deserialize(bytes as Buffer));
  const pushbackMs = Number(metadata.get('grpc-retry-pushback-ms')[0]);
  expect(RetryInfo).toEqual({ retryDelay: { seconds: 0, nanos: pushbackMs * 1_000_000 } });
  expect(toStatusObject(new AppError('unavailable', 'away')).metadata.get('grpc-retry-pushback-ms')).toEqual(
    [],
  );
});

test('half a surrogate pair in a message is replaced: grpc-js could not send it', () => {
  expect(toStatusObject(new AppError('invalid', 'x\ud800')).details).toBe('x\ufffd');
});
