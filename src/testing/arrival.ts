/**
 * A request that this process has sent is in the server only after both ends of its connection have had their turns. In-process
 * time waits for that: else it would be over before the requests that it is for have come.
 */
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

/** Turns from a connection's first packet to a request in the engine client, several times over. */
const TURNS = 50;

/** Resolves when what was sent before has come. */
export async function letRequestsArrive(url: string): Promise<void> {
  // Connections are taken in their order: with this one, those before it have been.
  await connection(url);
  for (let i = 0; i < TURNS; i += 1) await turn();
}

function connection(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) });
    socket.once('close', () => resolve());
    // A server that has ended takes no requests either.
    socket.once('error', () => {});
    socket.once('connect', () => socket.destroy());
  });
}
