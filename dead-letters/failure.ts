// Why a record could not be delivered, in words: accumulate answers with a problem document (RFC 9457), of which the dead
// letter keeps the first 1,024 bytes.

export interface Failure {
  /** Where it was to be delivered; undefined when the letter does not say. */
  readonly destination: string | undefined;
  /** The status of the answer; undefined when there was none. */
  readonly code: number | undefined;
  readonly title: string | undefined;
  readonly detail: string | undefined;
  /** What was answered, as it is in the letter. */
  readonly answer: string | undefined;
}

export function readFailure(headers: Readonly<Record<string, string>>): Failure {
  const { ce_knativeerrordest: destination, ce_knativeerrorcode: code, ce_knativeerrordata: data } = headers;
  const answer = data === undefined ? undefined : Buffer.from(data, 'base64').toString();
  return {
    destination,
    code: code === undefined ? undefined : Number(code),
    title: answer === undefined ? undefined : readText(answer, 'title'),
    detail: answer === undefined ? undefined : readText(answer, 'detail'),
    answer,
  };
}

/** `422 conflict: event … was counted with other operands`. */
export function explain({ destination, code, title, detail, answer }: Failure): string {
  if (destination === undefined) return 'not said';
  if (code === undefined) return 'no answer';
  const words = [title, detail].filter((text) => text !== undefined).join(': ');
  return `${code} ${words === '' ? (answer?.split('\n', 1)[0] ?? '') : words}`.trim();
}

/** A member of a JSON object that may be cut off anywhere, so also in the middle of this text. */
function readText(json: string, name: string): string | undefined {
  const [whole, text = '', end] =
    new RegExp(`"${name}"\\s*:\\s*"((?:[^"\\\\]|\\\\.)*)("?)`, 's').exec(json) ?? [];
  if (whole === undefined) return undefined;
  try {
    return (JSON.parse(`"${text}"`) as string) + (end === '' ? '…' : '');
  } catch {
    return undefined;
  }
}
