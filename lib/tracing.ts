// Spans for OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT says where to: its SDK is loaded then alone, so that no other
// start pays for it. Without it the caller's trace context is passed on as it came.

import type { EnvReader } from './env.ts';
import { type AppError, toAppError } from './errors.ts';
import type { Log } from './log.ts';

export interface TracingConfig {
  readonly sampler: (typeof samplers)[number];
  /** Of traces that begin here, where the sampler takes a part of them. */
  readonly ratio: number;
}

export interface Span {
  /** By which what follows from it is its child. */
  readonly traceparent: string;
  /** @param error what came of it, when that was no success */
  end(error?: AppError): void;
}

export type SpanKind = 'server' | 'producer' | 'consumer' | 'internal';

export interface Tracer {
  /** @param parent a valid traceparent; undefined begins a trace */
  start(
    name: string,
    kind: SpanKind,
    parent: string | undefined,
    attributes?: Readonly<Record<string, string>>,
  ): Span;
  /** Sends what has ended, and no more after that. */
  stop(): Promise<void>;
}

const samplers = [
  ...(['always_on', 'always_off', 'traceidratio'] as const),
  ...(['parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio'] as const),
] as const;

/**
 * Undefined where no traces are wanted. The rest of OpenTelemetry's variables for an exporter over HTTP and for resources is
 * read by its SDK: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.
 */
export function readTracing(reader: EnvReader): TracingConfig | undefined {
  const endpoint = reader.url('OTEL_EXPORTER_OTLP_ENDPOINT');
  const sampler = reader.choice('OTEL_TRACES_SAMPLER', samplers, 'parentbased_always_on');
  const ratio = reader.read('OTEL_TRACES_SAMPLER_ARG', 'a number from 0 to 1', 1, (text) => {
    const value = Number(text);
    return value >= 0 && value <= 1 ? value : undefined;
  });
  return endpoint && { sampler, ratio };
}

/** @param part the process's part of the system */
export async function createTracer(
  config: TracingConfig | undefined,
  part: string,
  log: Log,
): Promise<Tracer | undefined> {
  if (config === undefined) return undefined;
  const { startOpenTelemetry } = await import('./open-telemetry.ts');
  return startOpenTelemetry(config, part, log);
}

/** Ends the span with the work. */
export function during<T>(span: Span | undefined, work: Promise<T>): Promise<T> {
  if (span === undefined) return work;
  return work.then(
    (result) => {
      span.end();
      return result;
    },
    (error: unknown) => {
      span.end(toAppError(error));
      throw error;
    },
  );
}
