/**
 * Judges the engines that join: waits for them as a frontend does, then runs the checks over what they say. Resolves with a
 * result for each check whatever the engines do, and leaves no socket behind.
 */
import type { Clock } from '../../shared/clock.ts';
import { createStructCodecs } from '../../shared/protocol/struct-codec.ts';
import { createWireCodec } from '../../shared/protocol/wire-codec.ts';
import type { WireVersion } from '../../shared/protocol/wire-version.ts';
import { bytesOfParts } from '../../shared/tap/frame-bytes.ts';
import { Tap, type TappedFrame } from '../../shared/tap/tap.ts';
import { tapTransport } from '../../shared/tap/tapped-transport.ts';
import { systemTimers, type Timers } from '../../shared/timers.ts';
import type { Transport } from '../../shared/transport/transport.ts';
import type { CheckResult } from '../check.ts';
import { runChecks, secondsText } from '../run-checks.ts';
import { CheckingFrontend } from './checking-frontend.ts';
import { ENGINE_CHECKS } from './checks.ts';
import { hexOfFrame } from './heard.ts';
import { Requests } from './requests.ts';

export interface EngineChecksOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Default: the event loop's. */
  readonly timers?: Timers;
  readonly version: WireVersion;
  /** Where engines say HELLO; port 0 is any free one. */
  readonly listenAddress: string;
  readonly dataParallelSize: number;
  /** What INIT says of the ranks' group; null where they serve no mixture-of-experts model together. */
  readonly parallelConfig: Readonly<Record<string, unknown>> | null;
  /** Ids to be run; null runs all. */
  readonly only: readonly string[] | null;
  /** How long the first HELLO may take, in milliseconds. */
  readonly waitMs: number;
  /** How long all engines may take from the first HELLO to READY, in milliseconds. */
  readonly startMs: number;
  /** Ends the wait for engines: the checks are run over what is there. */
  readonly signal?: AbortSignal;
  readonly onListening?: (address: string) => void;
  readonly onProgress?: (text: string) => void;
  readonly onFrame?: (frame: TappedFrame) => void;
  readonly onResult?: (result: CheckResult) => void;
}

/** vLLM's name of the process that we stand for. */
export const ENGINE_CHECKS_PROCESS = 'APIServer';
/** From the first HELLO to the end of all checks. */
const RUN_MS = 29_000;
/** What the checks have together, however long the start took. */
const MIN_CHECKS_MS = 15_000;
/** What a check of one engine has; there are two where it looks at two. */
const CHECK_MS = 5_000;
const ANSWER_MS = 1_500;
const QUIET_MS = 150;
/** Frames of output sockets that are kept for the check of them all, and their bytes. */
const MAX_FRAMES = 20_000;
const MAX_FRAME_BYTES = 128 * 1024 * 1024;

/** Throws what the system says where `listenAddress` cannot be bound. */
export async function runEngineChecks(
  options: EngineChecksOptions,
): Promise<readonly CheckResult[]> {
  const { timers = systemTimers } = options;
  const { clock, version, onFrame, onResult } = options;
  const frames: TappedFrame[] = [];
  let numBytes = 0;
  const tap = new Tap({ clock, process: ENGINE_CHECKS_PROCESS });
  tap.setListener((frame) => {
    if (isOutput(frame) && frames.length < MAX_FRAMES && numBytes < MAX_FRAME_BYTES) {
      frames.push(frame);
      numBytes += bytesOfParts(frame.parts);
    }
    onFrame?.(frame);
  });
  const transport = tapTransport(options.transport, tap);
  const codec = createWireCodec(version);
  const frontend = await CheckingFrontend.start({
    transport,
    codec,
    tables: version.tables,
    clock,
    timers,
    listenAddress: options.listenAddress,
    engineCount: options.dataParallelSize,
    parallelConfig: options.parallelConfig ?? {},
  });
  const onAbort = (): void => frontend.endWaits();
  options.signal?.addEventListener('abort', onAbort);
  try {
    options.onListening?.(frontend.address);
    await awaitEngines(options, frontend);
    const nowMs = clock.monotonicMs();
    const startedMs = frontend.handshakes[0]?.atMs ?? nowMs;
    const checksMs = Math.max(MIN_CHECKS_MS, startedMs + RUN_MS - nowMs);
    const endMs = nowMs + checksMs;
    return await runChecks(
      ENGINE_CHECKS,
      {
        version,
        codec,
        structs: createStructCodecs(version.tables),
        transport,
        clock,
        timers,
        frontend,
        requests: new Requests(frontend, clock),
        size: options.dataParallelSize,
        isMoe: options.parallelConfig !== null,
        answerMs: ANSWER_MS,
        quietMs: QUIET_MS,
        fate: { doubtful: null, goneSince: null, told: new Set<never>() },
        frames,
      },
      {
        only: options.only,
        checkMs: CHECK_MS * Math.min(options.dataParallelSize, 2),
        timers,
        leftMs: () => endMs - clock.monotonicMs(),
        signal: options.signal,
        ...(onResult === undefined ? {} : { onResult }),
      },
    );
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
    await frontend.close();
    tap.setListener(null);
  }
}

function isOutput({ socket: { name }, direction }: TappedFrame): boolean {
  return direction === 'receive' && (name === 'output' || name === 'coordinator_output');
}

/** Until all are there and READY, or what they may take is over. */
async function awaitEngines(
  options: EngineChecksOptions,
  frontend: CheckingFrontend,
): Promise<void> {
  const { dataParallelSize: size, waitMs, startMs, signal, onProgress } = options;
  const isAborted = (): boolean => signal?.aborted === true;
  const cameFirst = await frontend.wait(() => isAborted() || frontend.inits.length > 0, waitMs);
  if (!cameFirst && !isAborted()) onProgress?.(`no HELLO came within ${secondsText(waitMs)}`);
  if (!cameFirst || isAborted()) return;
  onProgress?.('an engine said HELLO; waiting for READY');
  const numReady = (): number => {
    const ready = frontend.handshakes.filter(({ status }) => status === 'READY');
    const said = new Set(ready.map(({ identity }) => hexOfFrame(identity)));
    return frontend.awaited.filter((identity) => said.has(hexOfFrame(identity))).length;
  };
  const areReady = await frontend.wait(
    () => isAborted() || (frontend.awaited.length >= size && numReady() >= frontend.awaited.length),
    startMs,
  );
  if (!areReady)
    onProgress?.(`${numReady()} of ${size} engines were READY within ${secondsText(startMs)}`);
  // A ready response may come behind READY: they travel on different sockets.
  const numGreeted = (): number =>
    new Set(frontend.greetings.map(({ client, identity }) => `${client} ${hexOfFrame(identity)}`))
      .size;
  await frontend.wait(() => isAborted() || numGreeted() >= size * frontend.numClients, ANSWER_MS);
}
