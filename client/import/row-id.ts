// The request id of a row, always the same for the same row, so that a second import counts nothing again (I2).

import { parse, v5 } from 'uuid';

/** The namespace of ids made from an id column: UUIDv5 of `TOTAL/ID`. Fixed for ever: other programs may make the
 * same ids. */
export const idNamespace = '6e2113ba-21f2-484d-8fef-599d87db995f';

/** The namespace of ids made from a row's place and content: UUIDv5 of the JSON array [total, file, line, ...fields]. */
export const placeNamespace = '7be025ef-0cdf-4adc-bf81-532d7765f2e5';

const idNamespaceBytes = parse(idNamespace);
const placeNamespaceBytes = parse(placeNamespace);

/** The 16 bytes of the id of a row with an id of its own. A total's name has no slash, so no two pairs are one text. */
export function idFromColumn(total: string, id: string): Uint8Array {
  return v5(`${total}/${id}`, idNamespaceBytes, new Uint8Array(16));
}

/**
 * The 16 bytes of the id of a row that is known by its place only.
 * @param file the file's base name, so that it may move to another directory
 */
export function idFromPlace(
  total: string,
  file: string,
  line: number,
  fields: readonly string[],
): Uint8Array {
  return v5(JSON.stringify([total, file, line, ...fields]), placeNamespaceBytes, new Uint8Array(16));
}
