/**
 * A process that records as many frames as it is told, reads them back, and prints how much memory that took:
 * `million-frames.ts FOLDER COUNT`. In a process of its own, as its memory is what is measured.
 */
import { hostname } from 'node:os';
import { systemClock } from '../../src/shared/clock.ts';
import { silentLogger } from '../../src/shared/logger.ts';
import { MAX_BUFFERED_BYTES, Recorder } from '../../src/shared/tap/recorder.ts';
import { RecordingFile } from '../../src/shared/tap/recording-file.ts';
import { RECORDING_SCHEMA } from '../../src/shared/tap/recording-format.ts';
import { readRecordings } from '../../src/shared/tap/recording-reader.ts';
import { Tap, type TappedSocket } from '../../src/shared/tap/tap.ts';

export interface MillionFrames {
  readonly numDropped: number;
  readonly numRead: number;
  readonly lastSeq: number;
  /** Resident memory in MiB: the most in the first half of the frames, in the second, and while they were read. */
  readonly warmMiB: number;
  readonly recordedMiB: number;
  readonly readMiB: number;
}

/** Frames between two turns of the event loop, in which files are written. */
const PER_TURN = 500;
const SOCKET: TappedSocket = { name: 'output', type: 'PULL', address: 'ipc:///output', index: 0 };

const rssMiB = (): number => process.memoryUsage.rss() / 2 ** 20;

async function measure(folder: string, count: number): Promise<MillionFrames> {
  const head = {
    schema: RECORDING_SCHEMA,
    process: 'APIServer',
    host: hostname(),
    pid: process.pid,
    wall_ms: systemClock.wallMs(),
    monotonic_ms: systemClock.monotonicMs(),
    vllm_version: '0.33.0',
  } as const;
  const recorder = new Recorder({
    file: new RecordingFile({ folder, head }),
    logger: silentLogger(),
    onFailure: () => {},
  });
  const tap = new Tap({ clock: systemClock, process: 'APIServer' });
  tap.setListener(recorder.take);
  let warmMiB = 0;
  let recordedMiB = 0;
  for (let done = 0; done < count; ) {
    for (const end = Math.min(done + PER_TURN, count); done < end; done++) {
      const part = Buffer.allocUnsafeSlow(64).fill(done & 0xff);
      part.set([0x92, 0, 0x90]);
      tap.record(SOCKET, 'receive', null, [part]);
    }
    // As a server that is busy, not faster than any disk.
    while (recorder.bufferedBytes > MAX_BUFFERED_BYTES / 2)
      await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise((resolve) => setImmediate(resolve));
    if (done <= count / 2) warmMiB = Math.max(warmMiB, rssMiB());
    else recordedMiB = Math.max(recordedMiB, rssMiB());
  }
  recorder.end();
  let numRead = 0;
  let lastSeq = 0;
  let readMiB = 0;
  for await (const { frame } of readRecordings([folder])) {
    numRead += 1;
    lastSeq = frame.seq;
    if (numRead % 10_000 === 0) readMiB = Math.max(readMiB, rssMiB());
  }
  const { numDropped } = recorder;
  return { numDropped, numRead, lastSeq, warmMiB, recordedMiB, readMiB };
}

const [folder = '', count = '0'] = process.argv.slice(2);
measure(folder, Number(count)).then(
  (result) => process.stdout.write(JSON.stringify(result)),
  (error: unknown) => {
    process.stderr.write(String(error));
    process.exitCode = 1;
  },
);
