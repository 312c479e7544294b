/**
 * The start-up of an engine core seen from the frontend's side, without any of the project's code: HELLO → INIT → READY,
 * spoken with bare ZeroMQ sockets and MessagePack. Every frame is printed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Packr, unpack } from 'msgpackr';
import { Pull, Router } from 'zeromq';

const { pack } = new Packr({ useRecords: false, variableMapSize: true });
const show = (who, message) => console.log(`${who.padEnd(20)}${JSON.stringify(message)}`);

// What a frontend listens on: the handshake, requests to the engine, outputs of the engine.
const handshake = new Router({ linger: 0, receiveTimeout: 60_000 });
const input = new Router({ linger: 0, receiveTimeout: 60_000 });
const output = new Pull({ linger: 0, receiveTimeout: 60_000 });
for (const socket of [handshake, input, output]) await socket.bind('tcp://127.0.0.1:*');
const portOf = (socket) => new URL(socket.lastEndpoint).port;

const main = fileURLToPath(new URL('../bin/vllm-twin.cjs', import.meta.resolve('vllm-twin')));
const engine = spawn(
  process.execPath,
  [
    ...[main, 'serve', '--headless', '--data-parallel-address', '127.0.0.1'],
    ...['--data-parallel-rpc-port', portOf(handshake), '--log-level', 'error'],
  ],
  { stdio: 'inherit' },
);
const ended = once(engine, 'exit');

try {
  // The identity is the engine's rank, two bytes, little-endian.
  const [identity, hello] = await handshake.receive();
  show(`engine ${identity.readUInt16LE(0)}`, unpack(hello));

  const addresses = { inputs: [input.lastEndpoint], outputs: [output.lastEndpoint] };
  await handshake.send([identity, pack({ addresses, parallel_config: {} })]);
  show('frontend (INIT)', { addresses });

  // On the input socket the engine says what it has; then it is ready.
  const [, response] = await input.receive();
  show('engine (capacity)', unpack(response));
  const [, ready] = await handshake.receive();
  show('engine', unpack(ready));

  // A call by name: client 0, call id 7, method, arguments. The answer comes on the output socket.
  await input.send([identity, Buffer.of(3), pack([0, 7, 'is_sleeping', []])]);
  const [answer] = await output.receive();
  show('engine (answer)', unpack(answer));
} finally {
  engine.kill('SIGTERM');
  await ended;
  for (const socket of [handshake, input, output]) socket.close();
}
