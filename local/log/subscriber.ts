// Posts one record to the subscriber as a KafkaSource does, in CloudEvents binary mode, and tells what came of it.

import { Agent, type Dispatcher, errors } from 'undici';

import { messageOf } from '../../lib/errors.ts';
import { TokenFile } from '../../lib/token-file.ts';
import type { Outcome } from './delivery.ts';
import type { StoredRecord } from './record.ts';

/** A KafkaSource opens at most this many connections. */
const maxConnections = 100;
const maxErrorBytes = 1024;
const maxRedirects = 16;

export class Subscriber {
  readonly #agent = new Agent({ connections: maxConnections, headersTimeout: 0, bodyTimeout: 0 });
  readonly #url: URL;
  readonly #timeoutMs: number;
  readonly #token: TokenFile | undefined;

  /**
   * @param timeoutMs the longest that one attempt may take from its begin to the answer's last byte
   * @param tokenFile has the bearer token of each delivery, as a KafkaSource has one when Knative authenticates senders
   */
  constructor(url: URL, timeoutMs: number, tokenFile?: string) {
    this.#url = url;
    this.#timeoutMs = timeoutMs;
    this.#token = tokenFile === undefined ? undefined : new TokenFile(tokenFile);
  }

  /** One attempt; never rejects. */
  async deliver(record: StoredRecord): Promise<Outcome> {
    const headers = deliveryHeaders(record);
    try {
      if (this.#token !== undefined) headers['authorization'] = `Bearer ${this.#token.read()}`;
    } catch (error) {
      return { kind: 'failed', reason: messageOf(error) };
    }
    let outcome = await this.#request(this.#url, { method: 'POST', headers, body: record.value });
    // Vert.x's client, which KafkaSource is built on, follows a 303 and no other redirect of a POST.
    for (let hop = 0; hop < maxRedirects; hop++) {
      if (outcome.kind !== 'answered' || outcome.status !== 303) break;
      const location = outcome.headers['location'];
      const target = typeof location === 'string' ? URL.parse(location, this.#url.href) : null;
      if (target === null) break;
      outcome = await this.#request(target, { method: 'GET' });
      // The fault of the answer, which may be another one next time, and not of the record.
      if (outcome.kind === 'unsendable') outcome = { kind: 'failed', reason: outcome.reason };
    }
    return outcome;
  }

  /** Ends every attempt in flight as failed. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #request(
    url: URL,
    options: Pick<Dispatcher.DispatchOptions, 'method' | 'headers' | 'body'>,
  ): Promise<Outcome> {
    return new Promise((resolve) => {
      const attempt = new Attempt(resolve, this.#timeoutMs);
      try {
        this.#agent.dispatch(
          { ...options, origin: url.origin, path: `${url.pathname}${url.search}` },
          attempt,
        );
      } catch (error) {
        attempt.onResponseError(undefined, error as Error);
      }
    });
  }
}

/** One exchange, for undici to report to: no stream is made for an answer of which at most 1024 bytes are kept. */
class Attempt implements Dispatcher.DispatchHandler {
  readonly #resolve: (outcome: Outcome) => void;
  readonly #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #late = false;
  #status = 0;
  #headers: Readonly<Record<string, string | string[] | undefined>> = {};
  #body: Buffer = Buffer.alloc(0);

  constructor(resolve: (outcome: Outcome) => void, timeoutMs: number) {
    this.#resolve = resolve;
    this.#timer = setTimeout(() => {
      this.#late = true;
      this.#controller?.abort(new Error('timeout'));
      this.#fail('failed', `no answer within ${timeoutMs} ms`);
    }, timeoutMs);
  }

  #fail(kind: 'failed' | 'unsendable', reason: string): void {
    clearTimeout(this.#timer);
    this.#resolve({ kind, reason });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#late) controller.abort(new Error('timeout'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#status < 300 || this.#body.length === maxErrorBytes) return;
    this.#body = Buffer.concat([this.#body, chunk.subarray(0, maxErrorBytes - this.#body.length)]);
  }

  onResponseEnd(): void {
    clearTimeout(this.#timer);
    this.#resolve({ kind: 'answered', status: this.#status, headers: this.#headers, body: this.#body });
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    // undici's word for a request that it cannot put on the wire, such as a header with a line break.
    const isUnsendable = error instanceof errors.InvalidArgumentError;
    this.#fail(isUnsendable ? 'unsendable' : 'failed', messageOf(error));
  }
}

/** The headers of a KafkaSource's request; only the user agent is our own. */
function deliveryHeaders({ headers, partition, offset }: StoredRecord): Record<string, string> {
  const sent: Record<string, string> = {
    'user-agent': 'tally-log',
    prefer: 'reply',
    'kn-namespace': 'default',
  };
  for (const name in headers) {
    sent[name.startsWith('ce_') ? `ce-${name.slice(3)}` : name] = latin1(headers[name] ?? '');
  }
  sent['ce-knativekafkapartition'] = String(partition);
  sent['ce-knativekafkaoffset'] = String(offset);
  return sent;
}

/** A KafkaSource sends what Latin-1 lacks as a question mark. */
function latin1(text: string): string {
  return text.replaceAll(/[^\0-\xff]/gu, '?');
}
