/**
 * Judges the engines that join: waits for them as a frontend does, then runs the checks over what they say. Resolves with a
 * result for each check whatever the engines do, and leaves no socket behind.
 */
import type { Clock } from '../../shared/clock.ts';
import { createStructCodecs } from '../../shared/protocol/struct-codec.ts';
import { createWireCodec } from '../../shared/protocol/wire-codec.ts';
import type { WireVersion } from '../../shared/protocol/wire-version.ts';
import { Tap, type TappedFrame } from '../../shared/tap/tap.ts';
import { tapTransport } from '../../shared/tap/tapped-transport.ts';
import type { Transport } from '../../shared/transport/transport.ts';
import type { CheckResult } from '../check.ts';
import { runChecks, secondsText } from '../run-checks.ts';
import { CheckingFrontend, statusOf } from './checking-frontend.ts';
import { ENGINE_CHECKS } from './checks.ts';
import { Requests } from './requests.ts';

export interface EngineChecksOptions {
  readonly transport: Transport;
  readonly clock: Clock;
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
  /** How long all checks together may take, in milliseconds; those that are left then fail. */
  readonly checksMs?: number;
  /** How long an answer may take, in milliseconds. */
  readonly answerMs?: number;
  /** How long nothing has to come where nothing may, in milliseconds. */
  readonly quietMs?: number;
  /** Ends the wait for engines: the checks are run over what is there. */
  readonly signal?: AbortSignal;
  readonly onListening?: (address: string) => void;
  readonly onProgress?: (text: string) => void;
  readonly onFrame?: (frame: TappedFrame) => void;
  readonly onResult?: (result: CheckResult) => void;
}

/** vLLM's name of the process that we stand for. */
export const ENGINE_CHECKS_PROCESS = 'APIServer';
const CHECKS_MS = 14_000;
const CHECK_MS = 5_000;
const ANSWER_MS = 1_500;
const QUIET_MS = 150;
/** Frames that are kept for the checks of all messages. */
const MAX_FRAMES = 20_000;

/** Throws what the system says where `listenAddress` cannot be bound. */
export async function runEngineChecks(
  options: EngineChecksOptions,
): Promise<readonly CheckResult[]> {
  const { clock, version, onFrame, onResult, answerMs = ANSWER_MS, quietMs = QUIET_MS } = options;
  const frames: TappedFrame[] = [];
  const tap = new Tap({ clock, process: ENGINE_CHECKS_PROCESS });
  tap.setListener((frame) => {
    if (frames.length < MAX_FRAMES) frames.push(frame);
    onFrame?.(frame);
  });
  const transport = tapTransport(options.transport, tap);
  const codec = createWireCodec(version);
  const frontend = await CheckingFrontend.start({
    transport,
    codec,
    clock,
    listenAddress: options.listenAddress,
    engineCount: options.dataParallelSize,
    parallelConfig: options.parallelConfig ?? {},
  });
  const onAbort = (): void => frontend.endWaits();
  options.signal?.addEventListener('abort', onAbort);
  try {
    options.onListening?.(frontend.address);
    await awaitEngines(options, frontend, codec);
    const endMs = clock.monotonicMs() + (options.checksMs ?? CHECKS_MS);
    return await runChecks(
      ENGINE_CHECKS,
      {
        version,
        codec,
        structs: createStructCodecs(version.tables),
        transport,
        frontend,
        requests: new Requests(frontend),
        size: options.dataParallelSize,
        isMoe: options.parallelConfig !== null,
        answerMs,
        quietMs,
        frames,
      },
      {
        only: options.only,
        checkMs: CHECK_MS,
        leftMs: () => (options.signal?.aborted === true ? 0 : endMs - clock.monotonicMs()),
        ...(onResult === undefined ? {} : { onResult }),
      },
    );
  } finally {
    options.signal?.removeEventListener('abort', onAbort);
    await frontend.close();
    tap.setListener(null);
  }
}

/** Until all are there and READY, or what they may take is over. */
async function awaitEngines(
  options: EngineChecksOptions,
  frontend: CheckingFrontend,
  codec: ReturnType<typeof createWireCodec>,
): Promise<void> {
  const { dataParallelSize: size, waitMs, startMs, signal, onProgress } = options;
  const { answerMs = ANSWER_MS } = options;
  const isAborted = (): boolean => signal?.aborted === true;
  const cameFirst = await frontend.wait(() => isAborted() || frontend.inits.length > 0, waitMs);
  if (!cameFirst) onProgress?.(`no HELLO came within ${secondsText(waitMs)}`);
  if (!cameFirst || isAborted()) return;
  onProgress?.('an engine said HELLO; waiting for READY');
  const numReady = (): number =>
    frontend.handshakes.filter(({ frames }) => statusOf(frames, codec) === 'READY').length;
  const areReady = await frontend.wait(
    () => isAborted() || (frontend.inits.length >= size && numReady() >= frontend.inits.length),
    startMs,
  );
  if (!areReady)
    onProgress?.(`${numReady()} of ${size} engines were READY within ${secondsText(startMs)}`);
  // A ready response may come behind READY: they travel on different sockets.
  await frontend.wait(
    () => isAborted() || frontend.greetings.length >= size * frontend.numClients,
    answerMs,
  );
}
