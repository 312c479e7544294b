/** Asks the system whether a port is free, so that a busy one is told before any engine is started. */
import { createServer } from 'node:net';
import { StartupError } from '../../shared/errors.ts';

/** Throws E_PORT_IN_USE. Port 0 is always free. */
export async function checkPortIsFree({
  host,
  port,
}: {
  host: string;
  port: number;
}): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'EADDRINUSE'
          ? 'another process listens there'
          : (cause.code ?? cause.message);
      reject(
        new StartupError(
          'E_PORT_IN_USE',
          `Cannot listen on ${host}:${port}: ${why}. Choose another --port, or 0 for any free one.`,
          { cause },
        ),
      );
    });
    server.listen({ host, port, exclusive: true }, resolve);
  });
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

/** A port that nobody listens on now; whoever uses it soon gets it. */
export async function findFreePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port: 0, exclusive: true }, resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
