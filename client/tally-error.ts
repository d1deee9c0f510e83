// What every call of the client fails with. It says whether the request may have been counted all the same (I7):
// then only the same call with the same id can settle it.

import { AppError, type ErrorCode, type Violation } from '../lib/errors.ts';
import type { RequestId } from '../lib/names.ts';

export class TallyError extends AppError {
  /** The id of the request that failed; repeat the call with it. Undefined for reads. */
  readonly requestId: RequestId | undefined;
  /** True when the request may be counted, or may still become so; false when it certainly is not. */
  readonly outcomeUnknown: boolean;
  /** How long the server asked to be left alone, in milliseconds. */
  readonly pushbackMs: number;

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      requestId?: RequestId | undefined;
      outcomeUnknown?: boolean;
      pushbackMs?: number;
      violations?: readonly Violation[];
      cause?: unknown;
    } = {},
  ) {
    super(code, message, options);
    this.name = 'TallyError';
    this.requestId = options.requestId;
    this.outcomeUnknown = options.outcomeUnknown ?? false;
    this.pushbackMs = options.pushbackMs ?? 0;
  }

  /** The same error, of which it is now known that an earlier attempt may have been counted. */
  withUnknownOutcome(): TallyError {
    return new TallyError(this.code, this.message, {
      requestId: this.requestId,
      outcomeUnknown: true,
      pushbackMs: this.pushbackMs,
      violations: this.violations,
      cause: this.cause,
    });
  }
}
