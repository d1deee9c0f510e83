// What the main thread and the writing thread say to each other.

import type { ErrorCode } from '../../../lib/errors.ts';
import type { GroupResult } from './batch.ts';
import type { Entry } from './entry.ts';
import type { WriterOptions } from './writer.ts';

export type WorkerSettings = Omit<WriterOptions, 'now' | 'monotonicNow'> & { readonly directory: string };

export type ToWorker =
  { readonly kind: 'apply'; readonly groups: readonly (readonly Entry[])[] } | { readonly kind: 'close' };

/** Each `apply` is answered by one `applied` or `failed`, in order; `opened` comes once, before them. */
export type FromWorker =
  | { readonly kind: 'opened'; readonly repaired: boolean }
  | { readonly kind: 'applied'; readonly results: readonly GroupResult[]; readonly commitMs: number }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'warning'; readonly message: string };
