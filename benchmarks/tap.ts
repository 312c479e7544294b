/**
 * What the tap costs a message, as a share of decoding and encoding it, measured in the same run: where nobody looks, and
 * where every frame is recorded to files. A streamed step of one token and 256 tokens. CPU of all threads counts.
 *
 * Run: npx tsx benchmarks/tap.ts [--quick]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/shared/clock.ts';
import { silentLogger } from '../src/shared/logger.ts';
import {
  createEngineCoreOutput,
  createEngineCoreOutputs,
  createSchedulerStats,
} from '../src/shared/protocol/defaults.ts';
import { WIRE_VERSIONS } from '../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../src/shared/protocol/wire-codec.ts';
import { MAX_BUFFERED_BYTES, Recorder } from '../src/shared/tap/recorder.ts';
import { RecordingFile } from '../src/shared/tap/recording-file.ts';
import { RECORDING_SCHEMA } from '../src/shared/tap/recording-format.ts';
import { NUM_FIRST_FRAMES, Tap, type TappedSocket } from '../src/shared/tap/tap.ts';
import { VLLM_VERSION } from '../src/shared/version.ts';

const codec = createWireCodec(WIRE_VERSIONS[VLLM_VERSION]);
const MEASURE_MS = process.argv.includes('--quick') ? 300 : 1_000;
/** Messages between two looks at the clock and turns of the event loop, in which files are written. */
const PER_TURN = 100;
const SOCKET: TappedSocket = { name: 'output', type: 'PULL', address: 'ipc:///output', index: 0 };
/** A frame that nobody looks at may cost this share of decoding and encoding one of a single token. */
const MAX_IDLE_SHARE = 0.03;

/** Nanoseconds of CPU a call, of all threads. */
async function cost(call: () => unknown, hasRoom = (): boolean => true): Promise<number> {
  for (let i = 0; i < 20 * PER_TURN; i++) call();
  let count = 0;
  const startMs = performance.now();
  const start = process.cpuUsage();
  while (performance.now() - startMs < MEASURE_MS) {
    for (let i = 0; i < PER_TURN; i++) call();
    count += PER_TURN;
    await new Promise((resolve) => setImmediate(resolve));
    // No server sends faster than a disk writes.
    while (!hasRoom()) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const { user, system } = process.cpuUsage(start);
  return ((user + system) * 1_000) / count;
}

const folder = mkdtempSync(join(tmpdir(), 'tap-benchmark-'));
let worst = 0;
for (const numOutputs of [1, 256]) {
  const message = createEngineCoreOutputs({
    timestamp: 12_345.678,
    outputs: Array.from({ length: numOutputs }, (_, index) =>
      createEngineCoreOutput({
        requestId: `cmpl-5f1c8a3e9b7d4f60-${index}-0b1c2d3e`,
        newTokenIds: [1_000 + index],
      }),
    ),
    schedulerStats: createSchedulerStats({ numRunningReqs: numOutputs }),
  });
  const frames = codec.encodeEngineCoreOutputs(message);
  const work = await cost(() =>
    codec.decodeEngineCoreOutputs(codec.encodeEngineCoreOutputs(message)),
  );

  const idle = new Tap({ clock: systemClock, process: 'APIServer' });
  for (let i = 0; i <= NUM_FIRST_FRAMES; i++) idle.record(SOCKET, 'receive', null, frames);
  const idleNs = await cost(() => idle.record(SOCKET, 'receive', null, frames));

  const head = {
    schema: RECORDING_SCHEMA,
    process: 'APIServer',
    host: 'benchmark',
    pid: process.pid,
    wall_ms: systemClock.wallMs(),
    monotonic_ms: systemClock.monotonicMs(),
    vllm_version: VLLM_VERSION,
  } as const;
  const recorder = new Recorder({
    file: new RecordingFile({ folder, head }),
    logger: silentLogger(),
    onFailure: () => {},
  });
  const recorded = new Tap({ clock: systemClock, process: 'APIServer' });
  recorded.setListener(recorder.take);
  const recordedNs = await cost(
    () => recorded.record(SOCKET, 'receive', null, frames),
    () => recorder.bufferedBytes < MAX_BUFFERED_BYTES / 4,
  );
  recorder.end();
  const percent = (ns: number): string => `${((100 * ns) / work).toFixed(1)} %`;
  console.log(
    `${numOutputs} outputs: decode and encode ${work.toFixed(0)} ns; ` +
      `tap where nobody looks ${idleNs.toFixed(0)} ns (${percent(idleNs)}), ` +
      `recorded ${recordedNs.toFixed(0)} ns (${percent(recordedNs)}), dropped ${recorder.numDropped}`,
  );
  if (numOutputs === 1) worst = idleNs / work;
}
rmSync(folder, { recursive: true, force: true });
const verdict = worst <= MAX_IDLE_SHARE ? 'ok' : 'ABOVE THE LIMIT';
console.log(
  `nobody looks: ${(100 * worst).toFixed(1)} % of a message, limit ${100 * MAX_IDLE_SHARE} %: ${verdict}`,
);
if (worst > MAX_IDLE_SHARE) process.exitCode = 1;
