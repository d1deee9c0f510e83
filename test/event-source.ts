// A reader of server-sent events, as a browser reads them.

export interface ServerSentEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

export class EventReader {
  readonly status: number;
  readonly headers: Headers;
  /** All that have come. */
  readonly events: ServerSentEvent[] = [];
  /** Settled when the server has ended the stream. */
  readonly ended: Promise<void>;
  readonly #stop: AbortController;

  private constructor(response: Response, stop: AbortController) {
    this.status = response.status;
    this.headers = response.headers;
    this.#stop = stop;
    this.ended = this.#read(response);
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventReader> {
    const stop = new AbortController();
    return new EventReader(await fetch(url, { headers, signal: stop.signal }), stop);
  }

  /** The data of the events of this name. */
  of(event: string): unknown[] {
    return this.events.filter((each) => each.event === event).map(({ data }) => data);
  }

  close(): void {
    this.#stop.abort();
  }

  async #read({ body }: Response): Promise<void> {
    if (body === null) return;
    let text = '';
    try {
      for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
        const parts = (text + chunk).split('\n\n');
        text = parts.pop() ?? '';
        for (const part of parts) this.#take(part);
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    }
  }

  #take(part: string): void {
    const fields = new Map(
      part.split('\n').map((line) => {
        const [name = '', ...rest] = line.split(': ');
        return [name, rest.join(': ')] as const;
      }),
    );
    const data = fields.get('data');
    if (data === undefined) return;
    this.events.push({ event: fields.get('event') ?? '', id: fields.get('id'), data: JSON.parse(data) });
  }
}
