// A CloudEvent in structured JSON mode, read as a KafkaSink reads it: its data is serialised again, so `1.50` becomes
// `1.5` and duplicate keys collapse, while integers of any size stay as they are.

import { AppError, messageOf, show } from '../../lib/errors.ts';
import { checkText } from './attributes.ts';

/** ECMAScript's JSON.parse source text access, which TypeScript's library does not describe yet. */
const json = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): value is { rawJSON: string };
};

export interface StructuredEvent {
  /** Every attribute but `datacontenttype`. */
  readonly attributes: readonly (readonly [name: string, value: string])[];
  readonly contentType: string | undefined;
  readonly data: Uint8Array | null;
}

/** @throws AppError `invalid` when the body is not the JSON of one event */
export function readStructured(body: Uint8Array): StructuredEvent {
  const event = parseObject(body);
  const attributes: [string, string][] = [];
  for (const [name, value] of Object.entries(event)) {
    if (name === 'data' || name === 'data_base64' || name === 'datacontenttype' || value === null) continue;
    attributes.push([name, attributeText(name, value)]);
  }
  const type = event['datacontenttype'];
  const contentType =
    type === undefined || type === null ? undefined : attributeText('datacontenttype', type);
  return { attributes, contentType, data: readData(event, contentType) };
}

function parseObject(body: Uint8Array): Readonly<Record<string, unknown>> {
  let event: unknown;
  try {
    event = json.parse(Buffer.from(body).toString(), (_key, value, { source }) =>
      typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source ?? '')
        ? json.rawJSON(source ?? '')
        : value,
    );
  } catch (error) {
    throw new AppError('invalid', `a structured event should be JSON: ${messageOf(error)}`, { cause: error });
  }
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    throw new AppError('invalid', 'a structured event should be one JSON object');
  }
  return event as Record<string, unknown>;
}

const textual = new Set([
  'id',
  'source',
  'type',
  'specversion',
  'time',
  'subject',
  'dataschema',
  'datacontenttype',
]);

function attributeText(name: string, value: unknown): string {
  if (typeof value === 'string') return checkText(name, value);
  if (!textual.has(name)) {
    if (json.isRawJSON(value)) return value.rawJSON;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  }
  throw new AppError('invalid', `${name} should be text, was ${show(JSON.stringify(value))}`);
}

function readData(event: Readonly<Record<string, unknown>>, contentType: string | undefined): Buffer | null {
  const { data, data_base64: base64 } = event;
  if (base64 !== undefined) {
    if (data !== undefined) throw new AppError('invalid', 'an event may have data or data_base64, not both');
    if (typeof base64 !== 'string') throw new AppError('invalid', 'data_base64 should be text');
    return Buffer.from(base64, 'base64');
  }
  if (data === undefined) return null;
  if (typeof data === 'string' && !isJson(contentType)) return Buffer.from(data);
  return Buffer.from(JSON.stringify(data));
}

/** CloudEvents JSON format: no content type means JSON. */
function isJson(contentType: string | undefined): boolean {
  return contentType === undefined || /^[^;]*[/+]json\s*(?:;|$)/i.test(contentType);
}
