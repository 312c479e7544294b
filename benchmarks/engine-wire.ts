/**
 * Outputs per second from one process to another through the codec and the real PUSH and PULL sockets, as a share of a
 * bare zeromq.js + msgpackr push of equally many bytes in the same run. Both sides decode every message.
 *
 * Run: npx tsx benchmarks/engine-wire.ts [--quick]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Packr } from 'msgpackr';
import { Pull, Push } from 'zeromq';
import {
  createEngineCoreOutput,
  createEngineCoreOutputs,
  createSchedulerStats,
} from '../src/shared/protocol/defaults.ts';
import { ENGINE_CORE_DEAD, type EngineCoreOutputs } from '../src/shared/protocol/outputs.ts';
import { WIRE_VERSIONS } from '../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../src/shared/protocol/wire-codec.ts';
import { createZmqTransport } from '../src/shared/transport/zmq.ts';
import { VLLM_VERSION } from '../src/shared/version.ts';

const { decodeEngineCoreOutputs, encodeEngineCoreOutputs } = createWireCodec(
  WIRE_VERSIONS[VLLM_VERSION],
);

type Mode = 'ours' | 'bare';

interface Job {
  readonly mode: Mode;
  readonly address: string;
  readonly numOutputs: number;
  readonly numMessages: number;
}

const quick = process.argv.includes('--quick');
const SIZES = [1, 8, 64, 256] as const;
const ROUNDS = quick ? 1 : 3;
const OUTPUTS_PER_ROUND = quick ? 200_000 : 600_000;

const numMessagesFor = (numOutputs: number): number =>
  Math.min(quick ? 20_000 : 60_000, Math.ceil(OUTPUTS_PER_ROUND / numOutputs));

/** One step's message: an output of one token for each running request, and the stats. */
function makeMessage(numOutputs: number): EngineCoreOutputs {
  return createEngineCoreOutputs({
    timestamp: 12345.678,
    weightVersion: 'default',
    outputs: Array.from({ length: numOutputs }, (_, index) =>
      createEngineCoreOutput({
        requestId: `cmpl-5f1c8a3e9b7d4f60a1c2e3d4f5a6b7c8-${index}-0b1c2d3e`,
        newTokenIds: [1000 + index * 37],
      }),
    ),
    schedulerStats: createSchedulerStats({ numRunningReqs: numOutputs, kvCacheUsage: 0.37 }),
  });
}

const packr = new Packr({ useRecords: false, variableMapSize: true });

/** The engine's side: encodes and sends each message anew. */
async function send({ mode, address, numOutputs, numMessages }: Job): Promise<void> {
  const message = makeMessage(numOutputs);
  if (mode === 'ours') {
    const push = createZmqTransport().connectPush(address, { lingerMs: 10_000 });
    for (let i = 0; i < numMessages; i++) {
      push.send(encodeEngineCoreOutputs(message));
      if (push.queuedCount > 0) await push.drained();
      // The engine's loop lets the event loop turn after every step.
      if (i % 64 === 63) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await push.close();
    return;
  }
  const plain = packr.unpack(encodeEngineCoreOutputs(message)[0] as Buffer) as unknown;
  const push = new Push({ linger: 10_000, sendHighWaterMark: 0 });
  push.connect(address);
  for (let i = 0; i < numMessages; i++) await push.send(packr.pack(plain));
  push.close();
}

/** The frontend's side: outputs per second from the first message to the last. */
async function receive(mode: Mode, numOutputs: number): Promise<number> {
  const numMessages = numMessagesFor(numOutputs);
  let numReceived = 0;
  let numCounted = 0;
  let start = 0;
  let done: () => void = () => {};
  const finished = new Promise<void>((resolve) => {
    done = resolve;
  });
  const count = (outputs: number): void => {
    if (numReceived++ === 0) start = performance.now();
    numCounted += outputs;
    if (numReceived === numMessages) done();
  };
  const job = (address: string): Job => ({ mode, address, numOutputs, numMessages });
  const child = fork(fileURLToPath(import.meta.url), ['--send'], { execArgv: process.execArgv });
  await once(child, 'message');
  if (mode === 'ours') {
    const pull = await createZmqTransport().bindPull('tcp://127.0.0.1:0', { lingerMs: 0 });
    pull.onMessage((frames) => {
      const outputs = decodeEngineCoreOutputs(frames);
      if (outputs !== ENGINE_CORE_DEAD) count(outputs.outputs.length);
    });
    child.send(job(pull.address));
    await finished;
    await pull.close();
  } else {
    const pull = new Pull({ receiveHighWaterMark: 0 });
    await pull.bind('tcp://127.0.0.1:0');
    child.send(job(pull.lastEndpoint ?? ''));
    void (async () => {
      for await (const [frame] of pull) {
        const message = packr.unpack(frame as Buffer) as [number, unknown[]];
        count(message[1].length);
        if (numReceived === numMessages) break;
      }
    })();
    await finished;
    pull.close();
  }
  const seconds = (performance.now() - start) / 1000;
  child.disconnect();
  await once(child, 'exit');
  return numCounted / seconds;
}

async function main(): Promise<void> {
  console.log('outputs/s through the wire, in a second process and back out of the codec');
  for (const numOutputs of SIZES) {
    const ours: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      bare.push(await receive('bare', numOutputs));
      ours.push(await receive('ours', numOutputs));
    }
    const [mine, other] = [Math.max(...ours), Math.max(...bare)];
    const bytes = encodeEngineCoreOutputs(makeMessage(numOutputs))[0]?.length;
    console.log(
      `${String(numOutputs).padStart(4)} outputs a message (${bytes} bytes): ` +
        `${Math.round(mine).toLocaleString()}/s, bare ${Math.round(other).toLocaleString()}/s, ` +
        `${Math.round((100 * mine) / other)} % of the bare push`,
    );
  }
}

if (process.argv.includes('--send')) {
  process.on('message', (job: Job) => void send(job));
  process.send?.('ready');
} else await main();
