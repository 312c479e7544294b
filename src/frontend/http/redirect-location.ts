/**
 * Where a redirect points to: the client's own Host where it is one, else the address that it came in at.
 * Source: starlette/datastructures.py URL, starlette/responses.py RedirectResponse; uvicorn's proxy headers.
 */
import type { Socket } from 'node:net';
import type { FastifyRequest } from './route-context.ts';

const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::([0-9]*))?$/;
const MAX_PORT = 65_535;
/** What Python's quote() leaves as it is, with RedirectResponse's list of safe characters. */
const QUOTED = /[^A-Za-z0-9_.\-~:/%#?=@[\]!$&'()*+,;]+/gu;
/** Proxies that uvicorn believes without being told. */
const TRUSTED_PROXY = /^(?:::ffff:)?127\.0\.0\.1$/;

export function redirectLocation(request: FastifyRequest, path: string): string {
  const { originalUrl, raw, headers } = request;
  const mark = originalUrl.indexOf('?');
  const query = mark === -1 || mark === originalUrl.length - 1 ? '' : originalUrl.slice(mark);
  const shown = path.replaceAll('?', '%3F').replaceAll('#', '%23').replaceAll('\\', '%5C');
  const scheme = schemeOf(raw.socket, headers['x-forwarded-proto']);
  const url = `${scheme}://${authorityOf(raw.socket, headers.host, scheme)}${shown}${query}`;
  return url.replace(QUOTED, (part) => encodeURIComponent(part));
}

function schemeOf(socket: Socket, forwarded: string | string[] | undefined): string {
  if (typeof forwarded === 'string' && TRUSTED_PROXY.test(socket.remoteAddress ?? '')) {
    const scheme = forwarded.trim();
    if (scheme === 'http' || scheme === 'https') return scheme;
  }
  return 'encrypted' in socket ? 'https' : 'http';
}

function authorityOf(socket: Socket, host: string | undefined, scheme: string): string {
  const match = HOST.exec(host ?? '');
  if (host !== undefined && match !== null && Number(match[1] ?? 0) <= MAX_PORT) return host;
  const address = socket.localAddress ?? '';
  const shown = address.includes(':') ? `[${address}]` : address;
  const isDefaultPort = socket.localPort === (scheme === 'https' ? 443 : 80);
  return isDefaultPort ? shown : `${shown}:${socket.localPort}`;
}
