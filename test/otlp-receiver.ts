// A small real collector: takes spans by OTLP over HTTP in protobuf, and keeps them.
// https://opentelemetry.io/docs/specs/otlp/#otlphttp-request

import { createServer } from 'node:http';

import protobuf from 'protobufjs';

import { closeServer, listen, readBody } from '../lib/http.ts';
import { closeAfterTest } from './test-log.ts';

/** What is looked at of https://github.com/open-telemetry/opentelemetry-proto; numbers are those of its fields. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated Attribute attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
    fixed64 start = 7; fixed64 end = 8; repeated Attribute attributes = 9; Status status = 15;
  }
  message Attribute { string key = 1; Value value = 2; }
  message Value { string text = 1; }
  message Status { string message = 2; int32 code = 3; }
`);
const requestType = root.lookupType('Request');

interface Attribute {
  readonly key: string;
  readonly value?: { readonly text?: string };
}

interface SpanMessage {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly parentSpanId?: Uint8Array;
  readonly name: string;
  readonly attributes?: readonly Attribute[];
  readonly status?: { readonly code?: number };
}

interface RequestMessage {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly SpanMessage[] }[];
  }[];
}

export interface ReceivedSpan {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty when it begins a trace. */
  readonly parentId: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly failed: boolean;
}

export interface OtlpReceiver {
  readonly url: string;
  readonly spans: ReceivedSpan[];
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const server = createServer((request, response) => {
    void readBody(request, 10_000_000).then((body) => {
      const isExport =
        request.url === '/v1/traces' && request.headers['content-type'] === 'application/x-protobuf';
      if (isExport) spans.push(...readSpans(body));
      response.writeHead(isExport ? 200 : 404, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  const port = await listen(server, 0, '127.0.0.1');
  closeAfterTest(() => closeServer(server));
  return { url: `http://127.0.0.1:${port}`, spans };
}

function readSpans(body: Buffer): ReceivedSpan[] {
  const { resourceSpans } = requestType.decode(body) as unknown as RequestMessage;
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .flatMap(({ spans }) => spans)
      .map((span) => ({
        service: textsOf(resource.attributes)['service.name'] ?? '',
        name: span.name,
        traceId: hex(span.traceId),
        spanId: hex(span.spanId),
        parentId: hex(span.parentSpanId),
        attributes: textsOf(span.attributes),
        failed: span.status?.code === 2,
      })),
  );
}

function textsOf(attributes: readonly Attribute[] = []): Record<string, string> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value?.text ?? '']));
}

function hex(bytes: Uint8Array = new Uint8Array()): string {
  return Buffer.from(bytes).toString('hex');
}
