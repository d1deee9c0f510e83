// What a server answered, held against an OpenAPI document: status, headers, media type and body.

import { type AnySchema, Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface Described {
  readonly headers?: Readonly<Record<string, Reference | Header>>;
  readonly content?: Readonly<Record<string, { readonly schema: AnySchema }>>;
}
interface Reference {
  readonly $ref: string;
}
interface Header {
  readonly required: boolean;
  readonly schema: AnySchema;
}
type Responses = Readonly<Record<string, Described>>;

export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Responses }>>>>;
  readonly components: { readonly responses: Responses; readonly headers: Readonly<Record<string, Header>> };
}

/** What HTTP itself says about any answer. */
const ofHttp = new Set([
  ...['content-type', 'content-length', 'transfer-encoding', 'date', 'connection', 'keep-alive'],
]);

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

export class Description {
  readonly #document: Document;
  readonly #ajv = new Ajv2020({ formats: { 'date-time': instant }, allErrors: true, allowUnionTypes: true });
  readonly #compiled = new Map<string, ValidateFunction>();

  constructor(document: Document) {
    this.#document = document;
    this.#ajv.addVocabulary(['components']);
    // The schemas name each other by their place in the document.
    this.#ajv.addSchema({ $id: 'openapi', components: document.components });
  }

  /** The responses of an operation, by status. */
  responses(path: string, method: string): Responses {
    const responses = this.#document.paths[path]?.[method]?.responses;
    if (responses === undefined) throw new Error(`${method} ${path} is not described`);
    return responses;
  }

  /** What is wrong with the answer: nothing, if it is as described. */
  findFaults(described: Described | undefined, { status, headers, body }: Answer): string[] {
    if (described === undefined) return [`status ${status} is not described`];
    const faults: string[] = [];
    const known = Object.entries(described.headers ?? {});
    for (const [name, reference] of known) {
      const header = '$ref' in reference ? this.#header(reference) : reference;
      const value = headers[name];
      if (value === undefined) faults.push(...(header.required ? [`the header ${name} is missing`] : []));
      else faults.push(...this.#fits(header.schema, value, `the header ${name}`));
    }
    for (const name of Object.keys(headers)) {
      if (!ofHttp.has(name) && !known.some(([other]) => other === name))
        faults.push(`the header ${name} is not described`);
    }
    if (described.content === undefined) {
      if (body !== '') faults.push(`a body is not described: ${body}`);
      return faults;
    }
    const mediaType = (headers['content-type'] ?? '').split(';', 1)[0] ?? '';
    const content = described.content[mediaType];
    if (content === undefined) return [...faults, `the media type ${mediaType} is not described`];
    const value: unknown = mediaType.endsWith('json') ? JSON.parse(body) : body;
    return [...faults, ...this.#fits(content.schema, value, 'the body')];
  }

  /** The kinds of answers that a response describes, as {@link kindOf} calls them. */
  kinds({ content = {} }: Described): string[] {
    const kinds = Object.entries(content).flatMap(([mediaType, { schema }]) => {
      const { properties } = schema as { properties?: { type?: { enum?: string[] } } };
      return properties?.type?.enum ?? [mediaType];
    });
    return kinds.length === 0 ? ['empty'] : kinds;
  }

  /** Why the value does not fit the schema of this name. */
  findMisfits(schema: string, value: unknown): string[] {
    return this.#fits({ $ref: `#/components/schemas/${schema}` }, value, schema);
  }

  #header({ $ref }: Reference): Header {
    const header = this.#document.components.headers[$ref.replace('#/components/headers/', '')];
    if (header === undefined) throw new Error(`${$ref} is not described`);
    return header;
  }

  #fits(schema: AnySchema, value: unknown, what: string): string[] {
    const text = JSON.stringify(schema).replaceAll('"#/', '"openapi#/');
    const validate = this.#compiled.get(text) ?? this.#ajv.compile(JSON.parse(text) as AnySchema);
    this.#compiled.set(text, validate);
    if (validate(value)) return [];
    return [`${what} does not fit: ${this.#ajv.errorsText(validate.errors)}`];
  }
}

/** An answer is of its media type, a problem of its own type. */
export function kindOf({ headers, body }: Answer): string {
  const mediaType = headers['content-type']?.split(';', 1)[0] ?? 'empty';
  return mediaType === 'application/problem+json' ? (JSON.parse(body) as { type: string }).type : mediaType;
}

/** The whole answer of fetch; of a stream, which does not end, what comes first. */
export async function readAnswer(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const isStream = headers.get('content-type') === 'text/event-stream' && response.body !== null;
  const body = isStream ? await readFirst(response.body) : await response.text();
  return { status, headers: Object.fromEntries(headers), body };
}

async function readFirst(body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const reader = body.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return Buffer.from(value ?? []).toString();
}

/** The answer that a raw connection received as its only one. */
export function parseAnswer(received: string): Answer {
  const end = received.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = received.slice(0, end).split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  // In chunks comes only what has no body.
  const body = received.slice(end + 4).replace(/^0\r\n\r\n$/, '');
  return { status: Number(statusLine.split(' ')[1]), headers: Object.fromEntries(headers), body };
}
