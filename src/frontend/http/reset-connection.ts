import type { Socket } from 'node:net';

/** Resets a TCP connection. TLS and Unix sockets have no way to: theirs is closed without a word. */
export function resetConnection(socket: Socket | null): void {
  if (socket === null || socket.destroyed) return;
  try {
    socket.resetAndDestroy();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_INVALID_HANDLE_TYPE') throw error;
    socket.destroy();
  }
}
