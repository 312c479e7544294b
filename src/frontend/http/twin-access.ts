/**
 * Who may change something through the twin's own API: pause, step, speed. Pure. Reading is as open as `/metrics`; changing
 * is for the machine that the server runs on, or for whom --enable-twin-api lets in, with the API key where there is one.
 */
import { isIP } from 'node:net';
import type { HttpArgs } from './http-args.ts';
import { DEFAULT_HOST } from './listen.ts';
import { isLoopbackHost, isWildcard } from './loopback.ts';

/** How the server listens, and what it was told. */
export interface TwinAccessSettings {
  /** What --host bound; null for a Unix socket. */
  readonly boundHost: string | null;
  /** --enable-twin-api: also where others can reach the server. */
  readonly isOpen: boolean;
  readonly hasApiKey: boolean;
  readonly isTls: boolean;
}

/** What of a request decides; headers as they came, `undefined` where they did not. */
export interface TwinAccessRequest {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly contentType: string | undefined;
  readonly hasBody: boolean;
  /** The bearer key was right, or none is asked for. */
  readonly hasKey: boolean;
}

export interface TwinRefusal {
  readonly status: 403 | 415;
  readonly message: string;
}

/** As a server's settings have it. */
export function twinAccessOf(
  args: Pick<HttpArgs, 'uds' | 'host' | 'sslCertfile' | 'enableTwinApi'>,
  { hasKeys }: { readonly hasKeys: boolean },
): TwinAccessSettings {
  return {
    boundHost: args.uds === null ? (args.host ?? DEFAULT_HOST) : null,
    isOpen: args.enableTwinApi,
    hasApiKey: hasKeys,
    isTls: args.sslCertfile !== null,
  };
}

/** Why nobody may change anything on this server; null where those who ask rightly may. */
export function changesRefusedBecause({ boundHost, isOpen }: TwinAccessSettings): string | null {
  if (boundHost === null || isOpen || isLoopbackHost(boundHost)) return null;
  return (
    `this server listens on ${boundHost}, where others can reach it: changes are refused. ` +
    'Bind it to 127.0.0.1 or --uds, or start it with --enable-twin-api'
  );
}

/** Why a change is refused; null where it is not. */
export function changeRefusal(
  settings: TwinAccessSettings,
  request: TwinAccessRequest,
): TwinRefusal | null {
  const closed = changesRefusedBecause(settings);
  if (closed !== null) return { status: 403, message: closed };
  return (
    hostRefusal(settings, request.host) ??
    originRefusal(settings, request) ??
    keyRefusal(settings, request) ??
    bodyRefusal(request)
  );
}

/**
 * A page of another site that has its own name point here would come with that name. An address is no such name: on a
 * server that listens on all of them each is one that it is bound to.
 */
function hostRefusal(
  { boundHost }: TwinAccessSettings,
  host: string | undefined,
): TwinRefusal | null {
  if (boundHost === null) return null;
  const name = host === undefined ? null : hostnameOf(host);
  if (name !== null) {
    const bare = withoutBrackets(name);
    if (isLoopbackHost(name) || bare === withoutBrackets(boundHost.toLowerCase())) return null;
    if (isWildcard(boundHost) && isIP(bare) !== 0) return null;
  }
  return {
    status: 403,
    message: `Host ${JSON.stringify(host ?? '')} is neither a name of the loopback (127.0.0.1, localhost) nor the address that the server is bound to (${boundHost})`,
  };
}

function originRefusal(
  { isTls }: TwinAccessSettings,
  { host, origin }: TwinAccessRequest,
): TwinRefusal | null {
  if (origin === undefined) return null;
  const own = `${isTls ? 'https' : 'http'}://${host ?? ''}`;
  if (origin.toLowerCase() === own.toLowerCase()) return null;
  return {
    status: 403,
    message: `Origin ${JSON.stringify(origin)} is not ${own}: pages of other sites change nothing here`,
  };
}

function keyRefusal(
  { hasApiKey }: TwinAccessSettings,
  { hasKey }: TwinAccessRequest,
): TwinRefusal | null {
  if (!hasApiKey || hasKey) return null;
  return {
    status: 403,
    message: 'this server has an API key: send it as Authorization: Bearer KEY',
  };
}

/** What a form of another site can send has another type, and needs no leave of this server. */
function bodyRefusal({ hasBody, contentType }: TwinAccessRequest): TwinRefusal | null {
  if (!hasBody || /^application\/json\s*(;|$)/i.test(contentType ?? '')) return null;
  return { status: 415, message: 'the body must be JSON, with content-type: application/json' };
}

/** An IPv6 address as --host has it; a Host header has it in brackets. */
function withoutBrackets(name: string): string {
  return name.replace(/^\[|\]$/g, '');
}

/** Without the port; null for what is no host. */
function hostnameOf(host: string): string | null {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]/@\s]+)(:\d{1,5})?$/i.exec(host);
  return match?.[1]?.toLowerCase() ?? null;
}
