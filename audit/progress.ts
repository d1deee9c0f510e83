// How far an audit is, on standard error: in place on a terminal, else, where it was asked for, a line now and then.

import type { WriteStream } from 'node:tty';

const lineEveryMs = 5_000;
const drawEveryMs = 100;

export class Progress {
  readonly #stream: WriteStream;
  readonly #isWanted: boolean;
  #saidAt = -Infinity;
  #what = '';

  constructor(stream: WriteStream, isWanted: boolean) {
    this.#stream = stream;
    this.#isWanted = isWanted;
  }

  say(what: string, done: number, of: number): void {
    const stream = this.#stream;
    if (!stream.isTTY && !this.#isWanted) return;
    const now = performance.now();
    const isNews = what !== this.#what || done === of;
    if (!isNews && now - this.#saidAt < (stream.isTTY ? drawEveryMs : lineEveryMs)) return;
    this.#saidAt = now;
    this.#what = what;
    const text = `${done} of ${of} ${what}`;
    stream.write(stream.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
  }

  end(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[K');
  }
}
