// `GET /`: the page for people, and the files that it consists of. They are served as they are, from a list: no path of a
// request is ever a path of the disk. Loaded when it is asked for.

import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { AppError } from '../../lib/errors.ts';
import { answerNotModified } from './etag.ts';

/** Named from two folders below the root, where a bundle's files are too (image/bundle.ts). */
const folder = new URL('../../functions/accumulate/page/', import.meta.url);

const mediaTypes: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

const page = 'index.html';
const parts = [
  ...['page.css', 'icon.svg', 'main.js', 'chart.js', 'dom.js', 'figures.js', 'history.js', 'live.js'],
  ...['post.js', 'search.js', 'table.js'],
];

/** Nothing but what comes from here, and nothing inline: markup in a name could do nothing, were it ever taken for such. */
const policy = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join('; ');

interface File {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly etag: string;
}

const files = new Map<string, Promise<File>>();

async function load(name: string): Promise<File> {
  const bytes = await readFile(new URL(name, folder)).catch((error: unknown) => {
    // It may be there again when it is asked for the next time.
    files.delete(name);
    throw new AppError('internal', 'the page cannot be read', { cause: error });
  });
  const mediaType = mediaTypes[name.slice(name.lastIndexOf('.') + 1)] ?? '';
  return { mediaType, bytes, etag: `"${hash('sha256', bytes).slice(0, 16)}"` };
}

/** @returns whether there is such a file; then it is answered, or that the client has it already */
export async function sendPage(
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const name = path === '/' ? page : parts.find((part) => path === `/page/${part}`);
  if (name === undefined) return false;
  const file = files.get(name) ?? load(name);
  files.set(name, file);
  const { mediaType, bytes, etag } = await file;
  response.setHeader('content-security-policy', policy);
  response.setHeader('referrer-policy', 'no-referrer').setHeader('x-content-type-options', 'nosniff');
  if (answerNotModified(request, response, etag)) return true;
  response.writeHead(200, { 'content-type': mediaType, 'content-length': bytes.length }).end(bytes);
  return true;
}
