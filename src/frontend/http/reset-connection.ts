import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/** Resets the TCP connection of an answer. TLS and Unix sockets have no way to: theirs is closed without a word. */
export function resetConnection(response: ServerResponse): void {
  const { socket } = response;
  try {
    if (socket instanceof Socket && !socket.destroyed) socket.resetAndDestroy();
    // Nobody is connected to an answer that is asked for within the process.
    else response.destroy();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_INVALID_HANDLE_TYPE') throw error;
    response.destroy();
  }
}
