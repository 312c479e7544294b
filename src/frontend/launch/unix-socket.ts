/** The path of --uds before anything is started: a dead server's socket is taken away, anything else is told. */
import { accessSync, constants, lstatSync, unlinkSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';
import { reasonOf, StartupError } from '../../shared/errors.ts';

/** Bytes of a Unix socket's path, its closing zero not counted. Source: sockaddr_un of Linux. */
const MAX_PATH_BYTES = 107;

/** Throws E_PORT_IN_USE where no socket can be made at the path: somebody listens there, or it is no place for one. */
export async function prepareUnixSocket(path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    throw refusal(path, `a socket's path has at most ${MAX_PATH_BYTES} bytes`);
  const found = statOf(path);
  if (found !== undefined && !found.isSocket())
    throw refusal(path, 'the path is taken, and by no socket');
  if (found !== undefined && (await isListening(path)))
    throw refusal(path, 'another process listens there');
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
    if (found !== undefined) unlinkSync(path);
  } catch (cause) {
    throw refusal(path, reasonOf(cause));
  }
}

function statOf(path: string) {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw refusal(path, reasonOf(cause));
  }
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    // A full queue of connections is somebody's too; nobody at all refuses.
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'EAGAIN'));
  });
}

function refusal(path: string, why: string): StartupError {
  return new StartupError(
    'E_PORT_IN_USE',
    `Cannot listen on unix:${path}: ${why}. Choose another --uds.`,
  );
}
