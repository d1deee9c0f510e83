// Messages made wrong, the same ones for the same seed.

import { createRandom } from '../random.ts';

const tokens = [
  ...[
    '\r\n',
    '\r\n\r\n',
    '\n',
    '\0',
    ':',
    ' ',
    '\t',
    'HTTP/1.1',
    'HTTP/9.9',
    'chunked',
    'content-length: 5\r\n',
  ],
  ...[
    'transfer-encoding: chunked\r\n',
    'expect: 100-continue\r\n',
    'upgrade: h2c\r\n',
    'connection: upgrade\r\n',
  ],
  ...[
    'ffffffff\r\n',
    '0\r\n\r\n',
    '%',
    '%00',
    '../',
    '?',
    '#',
    '\xff\xfe',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '{',
    '[',
  ],
];

export class Mutator {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = createRandom(seed);
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }

  /** One of these with one to four changes, or with no sense at all. */
  mutate(...messages: readonly Uint8Array[]): Buffer {
    if (this.below(20) === 0) return this.bytes(this.below(300));
    let message: Buffer = Buffer.from(messages[this.below(messages.length)] ?? []);
    for (let changes = 1 + this.below(4); changes > 0; changes--) message = this.#change(message);
    return message;
  }

  /** The message in one to four parts, as it may come. */
  split(message: Buffer): Buffer[] {
    const cuts = Array.from({ length: this.below(4) }, () => this.below(message.length + 1)).sort(
      (x, y) => x - y,
    );
    return [0, ...cuts].map((from, index) => message.subarray(from, cuts[index] ?? message.length));
  }

  #change(message: Buffer): Buffer {
    const [from = 0, to = 0] = [this.below(message.length + 1), this.below(message.length + 1)].sort(
      (x, y) => x - y,
    );
    const [before, between, after] = [
      message.subarray(0, from),
      message.subarray(from, to),
      message.subarray(to),
    ];
    const behind = message.subarray(from);
    switch (this.below(6)) {
      case 0:
        return Buffer.concat([before, after]);
      case 1:
        return Buffer.concat([before, between, between, after]);
      case 2:
        return before;
      case 3:
        return Buffer.concat([before, this.bytes(1 + this.below(4)), message.subarray(from + 1)]);
      case 4:
        return Buffer.concat([before, this.bytes(this.below(40)), behind]);
      default:
        return Buffer.concat([
          before,
          Buffer.from(tokens[this.below(tokens.length)] ?? '', 'latin1'),
          behind,
        ]);
    }
  }
}
