/**
 * The end of an HTTP server: it takes no new connection, lets what is being answered end, and closes the rest.
 * Source: uvicorn's Server.shutdown, which waits for the connections' answers.
 */
import type { Server } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** A client that does not read its answer is not waited for longer. */
export const CLOSE_GRACE_MS = 5_000;
/** Between two looks for connections whose answer has ended; they would stay open for the next request. */
const LOOK_MS = 20;

/** Resolves when every connection is closed. */
export function closeServer(app: FastifyInstance, graceMs = CLOSE_GRACE_MS): Promise<void> {
  return closeConnections(app.server, () => app.close(), graceMs);
}

/** As closeServer, of a server that `close` ends. */
export async function closeConnections(
  server: Server,
  close: () => Promise<void>,
  graceMs = CLOSE_GRACE_MS,
): Promise<void> {
  const looking = setInterval(() => server.closeIdleConnections(), LOOK_MS);
  const grace = setTimeout(() => server.closeAllConnections(), graceMs);
  try {
    await close();
  } finally {
    clearInterval(looking);
    clearTimeout(grace);
  }
}
