// A client that has the newest already is told so, without the body: ETag and If-None-Match.

import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Gives the answer its tag, to be asked for again each time.
 * @returns whether that is all: the client has what the tag names, and 304 is answered
 */
export function answerNotModified(request: IncomingMessage, response: ServerResponse, etag: string): boolean {
  response.setHeader('etag', etag).setHeader('cache-control', 'no-cache');
  if (!matches(request.headers['if-none-match'], etag)) return false;
  response.writeHead(304).end();
  return true;
}

/** If-None-Match: a list of tags, weak or strong, or `*` (RFC 9110, section 13.1.2). */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((tag) => [etag, `W/${etag}`, '*'].includes(tag.trim()));
}
