/**
 * The answer to a client that asks for a WebSocket: no route of ours has one. Pure.
 * Source: uvicorn/protocols/websockets/websockets_impl.py, websockets/server.py.
 */
export interface HandshakeRequest {
  readonly method: string;
  readonly path: string;
  /** Of a guarded path, without a key that opens it. */
  readonly isUnauthorized: boolean;
  readonly key: string | undefined;
  readonly version: string | undefined;
}

export interface Refusal {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly allow?: string;
}

const TEXT = 'text/plain; charset=utf-8';
/** Sixteen bytes in base64. */
const HANDSHAKE_KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

export function refuseWebSocket(request: HandshakeRequest): Refusal {
  const { method, key, version } = request;
  if (method !== 'GET') {
    return { ...failed(405, `unsupported HTTP method: ${method}`), allow: 'GET' };
  }
  if (key === undefined) return failed(400, 'missing Sec-WebSocket-Key header');
  if (!HANDSHAKE_KEY.test(key)) return failed(400, `invalid Sec-WebSocket-Key header: ${key}`);
  if (version === undefined) return failed(400, 'missing Sec-WebSocket-Version header');
  if (version !== '13') return failed(400, `invalid Sec-WebSocket-Version header: ${version}`);
  if (request.isUnauthorized) {
    return { status: 401, contentType: 'application/json', body: '{"error":"Unauthorized"}' };
  }
  // The mount of the metrics knows nothing but HTTP.
  if (request.path.startsWith('/metrics')) {
    return { status: 500, contentType: TEXT, body: 'Internal Server Error' };
  }
  return { status: 403, contentType: TEXT, body: '' };
}

function failed(status: number, reason: string): Refusal {
  return { status, contentType: TEXT, body: `Failed to open a WebSocket connection: ${reason}.\n` };
}

/** Whether a request asks for a protocol, and for which; null where it asks for none. */
export function requestedUpgrade(
  upgrade: string | undefined,
  connection: string | undefined,
): string | null {
  if (upgrade === undefined || connection === undefined) return null;
  const tokens = connection.toLowerCase().split(',');
  return tokens.some((token) => token.trim() === 'upgrade') ? upgrade.toLowerCase() : null;
}
