// Problem documents (RFC 9457), as the product answers them.

/** The title, which is the kind of problem; undefined for anything else. */
export function problemOf(body: Buffer): string | undefined {
  try {
    return (JSON.parse(body.toString()) as { title?: string }).title;
  } catch {
    return undefined;
  }
}
