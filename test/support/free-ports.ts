/**
 * Ports for servers that are started a moment later. They lie below those that the system itself gives away (from 32768 up on
 * Linux, to whoever asks for port 0 and to every outgoing connection), and none is given twice: so nothing that runs beside a
 * test in its process, and nothing that asks for any port, gets one of them between the question and the start.
 */
import { createServer } from 'node:net';

const FIRST = 10_000;
/** From here up smg's workers choose theirs by their model's path. */
const END = 20_000;
/** Left free behind each: servers of several ranks count on from theirs, asked or not. */
const GAP = 8;

const given = new Set<number>();
/** Test files run in processes of their own: each begins somewhere else. */
let next = FIRST + Math.floor(Math.random() * (END - FIRST));

/** As many free ports of 127.0.0.1, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePortsInARow(1));
  return ports;
}

/** The first of so many free ports in a row. */
export async function freePortsInARow(count: number): Promise<number> {
  for (let tries = 0; tries < END - FIRST; tries++) {
    const first = next + count <= END ? next : FIRST;
    next = first + count + GAP;
    const row = Array.from({ length: count }, (_, index) => first + index);
    if (row.some((port) => given.has(port))) continue;
    for (const port of row) given.add(port);
    if ((await Promise.all(row.map(isFree))).every((free) => free)) return first;
  }
  throw new Error(`no ${count} free ports in a row from ${FIRST} to ${END}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
