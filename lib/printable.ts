// Text of events on a terminal: whoever sent them must not be able to move its cursor, or to show one text as another.

/** Control and format characters (those that turn the direction of text among them), line separators, half characters. */
const harmful = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** With harmful characters escaped as JSON has them, those of `kept` aside. */
export function printable(text: string, kept = ''): string {
  return text.replaceAll(harmful, (character) => (kept.includes(character) ? character : escape(character)));
}

function escape(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
