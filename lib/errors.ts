// The one error type. A code says what went wrong and, by itself, whether a retry can help; the code is mapped
// to HTTP once (lib/http.ts) and to gRPC once (functions/add/status.ts).

/** Every code, with whether the same request may succeed later without change. */
const retryable = {
  /** The request can never be valid as it is. */
  invalid: false,
  'unsupported-media-type': false,
  'too-large': false,
  /** What was asked for is not there. */
  'not-found': false,
  /** There never is anything at this address: most likely it is another server's. */
  'no-such-path': false,
  'method-not-allowed': false,
  /** Nobody knows who asks: no token, or one that is not valid (any more). */
  unauthenticated: false,
  /** It is known who asks, and they may not. */
  forbidden: false,
  /** The id is known with other operands (I6). */
  conflict: false,
  /** The event is older than the deduplication window, so nobody can say whether it was counted. */
  expired: false,
  /** A peer refused the request for good: a misconfiguration that an operator has to mend. */
  refused: false,
  /** A limit is reached; nothing was begun. */
  overloaded: true,
  /** A peer or the disk can't be had just now. Whether the request was counted may be unknown (I7). */
  unavailable: true,
  /** Time ran out; whether the request was counted is unknown (I7). */
  timeout: true,
  /** What is stored does not add up (I5). Nothing is counted on it until it is mended. */
  damaged: true,
  internal: true,
} as const;

export type ErrorCode = keyof typeof retryable;

export const errorCodes = Object.keys(retryable) as readonly ErrorCode[];

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(retryable, text);
}

/** One bad field of a request. */
export interface Violation {
  readonly field: string;
  readonly description: string;
}

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly violations: readonly Violation[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; violations?: readonly Violation[] } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'AppError';
    this.code = code;
    this.violations = options.violations ?? [];
  }

  get retryable(): boolean {
    return retryable[this.code];
  }
}

/** What was thrown, as an AppError: an unknown error becomes `internal` with the original as its cause. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('internal', `unexpected: ${messageOf(error)}`, { cause: error });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Shows a rejected value in a message: text quoted, with control characters escaped, at most 40 characters of it.
 * What came as JSON may be an object whose own `toString` is no function, or a list nested deeper than the stack: such
 * values are named, never converted.
 */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'missing';
    case 'string':
      return `${JSON.stringify(value.slice(0, maxShown))}${value.length > maxShown ? '…' : ''}`;
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? 'a list' : 'an object';
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'symbol':
    case 'function':
      return `a ${typeof value}`;
  }
}

const maxShown = 40;
