// Text of events on a terminal: whoever sent them must not be able to move its cursor.

/** With control characters escaped, those of `kept` aside. */
export function printable(text: string, kept = ''): string {
  return text.replaceAll(/\p{Cc}/gu, (character) =>
    kept.includes(character) ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** At most so many characters. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

export function formatTime(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString();
}
