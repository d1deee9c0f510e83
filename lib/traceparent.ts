// The trace context that goes from the caller through the event and the log to the commit:
// https://www.w3.org/TR/trace-context/#traceparent-header.

/** Version ff and ids of zeros are invalid. */
const pattern = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The text when it is valid; anything else is left out, as the standard asks. */
export function parseTraceparent(text: unknown): string | undefined {
  return typeof text === 'string' && pattern.test(text) ? text : undefined;
}
