// A backup's list is whole or refused as damaged, never half of one (I5).

import { formatManifest, parseManifest } from '../../../functions/accumulate/ledger/manifest.ts';
import { check, isSame, parseOr } from '../property.ts';

export function fuzz(data: Buffer): void {
  const manifest = parseOr(() => parseManifest(data.toString(), 'it'), 'damaged');
  if (manifest === undefined) return;
  const { takenAt, seq, files } = manifest;
  check(files.length > 0 && Number.isSafeInteger(seq) && seq >= 0, 'it says what is in it');
  for (const { bytes, sha256 } of files) {
    check(bytes >= 0 && /^[0-9a-f]{64}$/.test(sha256), 'a file has a length and a hash');
  }
  const again = parseManifest(formatManifest({ takenAt, seq, files }), 'it');
  check(
    isSame([again.takenAt, again.seq, again.files], [takenAt, seq, files]),
    'it is the same when written again',
  );
}
