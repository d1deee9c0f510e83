// Calls add, as any gRPC client does: one connection for each virtual user and address, and retries with the same id
// until it is certain that the request is taken.

import exec from 'k6/execution';
import grpc from 'k6/net/grpc';
import { setTimeout } from 'k6/timers';

import { formatCents, randomCents } from './cents.js';
import { addAddresses, addToken, authorities, usesTls } from './settings.js';

const method = 'tally.v1.Adder/Add';
/** Nobody knows whether it was taken, or it certainly was not: sending the same id again is right in either case. */
const retryable = new Set([
  grpc.StatusCanceled,
  grpc.StatusUnknown,
  grpc.StatusDeadlineExceeded,
  grpc.StatusResourceExhausted,
  grpc.StatusAborted,
  grpc.StatusInternal,
  grpc.StatusUnavailable,
]);
const connectTimeoutMs = 5_000;

const clients = (addAddresses ?? []).map((address) => {
  const client = new grpc.Client();
  // As a URL, because what a relative path is relative to has changed between versions of k6.
  client.load([import.meta.resolve('../../proto')], 'adder.proto');
  return { address, client, isConnected: false };
});
let calls = 0;

export const metadata = addToken === '' ? {} : { authorization: `Bearer ${addToken}` };

export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A connected client; the addresses take turns. @throws when it can't be connected */
export function nextClient() {
  const entry = clients[(exec.vu.idInTest + calls++) % clients.length];
  if (!entry.isConnected) {
    const tls = authorities === undefined ? {} : { tls: { cacerts: authorities } };
    entry.client.connect(entry.address, { plaintext: !usesTls, timeout: connectTimeoutMs, ...tls });
    entry.isConnected = true;
  }
  return entry.client;
}

/** A request of its own: a new id, two amounts. */
export function newRequest(total) {
  const [a, b] = [randomCents(), randomCents()];
  const message = { requestId: crypto.randomUUID(), a: formatCents(a), b: formatCents(b), total };
  return { message, cents: a + b };
}

/** One attempt. Gives the answer, also where there is none: a connection that fails is UNAVAILABLE. */
export async function attempt(message, timeoutMs, more = {}) {
  let client;
  try {
    client = nextClient();
  } catch (error) {
    // Else a virtual user without a server would do nothing but try to connect.
    await wait(1_000);
    return { status: grpc.StatusUnavailable, error: { message: String(error) } };
  }
  return client.asyncInvoke(method, message, { metadata: { ...metadata, ...more }, timeout: timeoutMs });
}

/**
 * Sends it again until it is answered with OK.
 * @param onRetry hears of each attempt that has to be made again
 * @returns the answer, or why it is not certain that the request is taken
 */
export async function settle(message, { withinMs, timeoutMs = 5_000, onRetry = () => undefined }) {
  const until = Date.now() + withinMs;
  for (let pauseMs = 20; ; pauseMs = Math.min(1_000, pauseMs * 2)) {
    const { status, message: answer, error } = await attempt(message, timeoutMs);
    if (status === grpc.StatusOK) return { answer };
    const reason = `${message.requestId}: status ${status}, ${error?.message ?? ''}`;
    if (!retryable.has(status)) return { reason };
    if (Date.now() > until) return { reason: `${reason}, still after ${withinMs} ms` };
    onRetry();
    await wait(pauseMs * (0.5 + Math.random() / 2));
  }
}
