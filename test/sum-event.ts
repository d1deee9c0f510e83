// The event of one addition as a client of accumulate sends it, with room to send it wrongly.

export interface SumEventOptions {
  readonly source?: string;
  readonly total?: string;
  readonly time?: string;
  readonly b?: string;
  /** What is claimed to be a + b; by default `a`, which is right while `b` is 0. */
  readonly sum?: string;
}

export interface SumEvent {
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** In binary mode: attributes as headers, the data as the body. */
export function sumEvent(id: string, a: string, options: SumEventOptions = {}): SumEvent {
  const { source = '/functions/add', total, time, b = '0', sum = a } = options;
  return {
    headers: {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': id,
      'ce-source': source,
      'ce-type': 'dev.tally.sum.v1',
      ...(total !== undefined && { 'ce-subject': total }),
      ...(time !== undefined && { 'ce-time': time }),
    },
    body: JSON.stringify({ a, b, sum }),
  };
}

/** In structured mode: one JSON object; a batch is a list of these. */
export function structuredEvent(
  id: string,
  a: string,
  options: SumEventOptions = {},
): Record<string, unknown> {
  const { source = '/functions/add', total, time, b = '0', sum = a } = options;
  return {
    specversion: '1.0',
    id,
    source,
    type: 'dev.tally.sum.v1',
    ...(total !== undefined && { subject: total }),
    ...(time !== undefined && { time }),
    datacontenttype: 'application/json',
    data: { a, b, sum },
  };
}
