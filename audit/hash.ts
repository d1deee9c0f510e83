// FNV-1a, 32 bits: tells texts apart well enough to spread them, and fast.
// https://datatracker.ietf.org/doc/html/draft-eastlake-fnv

export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  // Each bit of its lower half alone depends on fewer characters.
  return (hash ^ (hash >>> 15)) >>> 0;
}
