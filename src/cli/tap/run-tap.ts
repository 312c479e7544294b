/** Runs the tap until it is ended, both sides are gone, or what was asked for is there. */
import { systemClock } from '../../shared/clock.ts';
import { reasonOf, StartupError } from '../../shared/errors.ts';
import { TAP_PROCESS } from '../../shared/tap/frame-pairing.ts';
import { TapProxy } from '../../shared/tap/proxy/tap-proxy.ts';
import { Tap } from '../../shared/tap/tap.ts';
import { tapTransport } from '../../shared/tap/tapped-transport.ts';
import { createZmqTransport } from '../../shared/transport/zmq.ts';
import { VLLM_VERSION } from '../../shared/version.ts';
import { type CliIo, processIo } from '../cli-io.ts';
import { startRecorder } from '../start-recorder.ts';
import { createFrameView } from './create-frame-view.ts';
import { FrameFeed } from './frame-feed.ts';
import type { TapSettings } from './settings.ts';

/** What still comes in after the last engine's READY: answers that are under way. */
const QUIET_MS = 300;

/** Resolves with the exit code. Throws E_PORT_IN_USE. */
export async function runTap(settings: TapSettings): Promise<number> {
  const io = processIo();
  const log = createLog(io);
  const tap = new Tap({ clock: systemClock, process: TAP_PROCESS });
  const startMs = systemClock.monotonicMs();
  const recorder =
    settings.record === null
      ? null
      : startRecorder({
          folder: settings.record,
          process: TAP_PROCESS,
          // Engines tell theirs later, and `frames` goes by what they tell.
          vllmVersion: settings.version?.vllmVersion ?? VLLM_VERSION,
          say: log.info,
        });
  const view = createFrameView(settings, io);
  const feed = new FrameFeed({
    show: (frame) => view.show(frame, frame.monotonicMs - startMs),
    drained: io.drained,
  });
  tap.setListener((frame) => {
    recorder?.take(frame);
    feed.take(frame);
  });
  const end = new EndOfTap(settings);
  try {
    const transport = createZmqTransport();
    const proxy = await startProxy(settings, {
      engineSide: tapTransport(transport, tap),
      frontendSide: transport,
      tap,
      host: settings.host,
      log,
      onChange: () => end.look(),
    });
    log.info(
      `Engines say HELLO at ${proxy.address.replace('tcp://', '')}; the frontend is expected at ${settings.upstreamAddress.replace('tcp://', '')}`,
    );
    end.watch(proxy);
    log.info(`The tap ends: ${await end.reason}`);
    const isUnfinished = settings.untilReady && !end.areReady;
    await proxy.close();
    await feed.end();
    if (feed.numLost > 0)
      log.warn(`${feed.numLost} frames were handed on but not shown: they came too fast`);
    const exitCode = view.end(feed.numLost);
    if (isUnfinished) log.warn('Not all engines were READY, which --until-ready asks for');
    return isUnfinished ? 1 : exitCode;
  } finally {
    end.close();
    recorder?.end();
  }
}

/** Why and when it ends. */
class EndOfTap {
  readonly reason: Promise<string>;
  readonly #settings: TapSettings;
  #resolve: (reason: string) => void = () => {};
  #proxy: TapProxy | null = null;
  #timer: NodeJS.Timeout | null = null;
  #quiet: NodeJS.Timeout | null = null;
  readonly #onSignal = (signal: NodeJS.Signals): void => this.#resolve(signal);

  constructor(settings: TapSettings) {
    this.#settings = settings;
    this.reason = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, this.#onSignal);
  }

  /** All engines that are waited for. */
  get areReady(): boolean {
    const stages = this.#proxy?.stages ?? [];
    const numAwaited = this.#settings.engines ?? 1;
    return stages.length >= numAwaited && stages.every((stage) => stage === 'READY');
  }

  watch(proxy: TapProxy): void {
    this.#proxy = proxy;
    const { seconds } = this.#settings;
    if (seconds !== null)
      this.#timer = setTimeout(() => this.#resolve(`${seconds} s are over`), seconds * 1000);
  }

  look(): void {
    const proxy = this.#proxy;
    if (proxy === null) return;
    if (proxy.isDeserted) this.#resolve('engines and frontend are gone');
    if (!this.#settings.untilReady || this.#quiet !== null || !this.areReady) return;
    const { length } = proxy.stages;
    this.#quiet = setTimeout(() => {
      this.#resolve(`${length} ${length === 1 ? 'engine is' : 'engines are'} READY`);
    }, QUIET_MS);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#quiet !== null) clearTimeout(this.#quiet);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.off(signal, this.#onSignal);
  }
}

type ProxyOptions = Parameters<typeof TapProxy.start>[0];

async function startProxy(
  { host, listenPort, upstreamAddress }: TapSettings,
  parts: Omit<ProxyOptions, 'listenAddress' | 'upstreamAddress'>,
): Promise<TapProxy> {
  const listenAddress = `tcp://${host}:${listenPort}`;
  try {
    return await TapProxy.start({ ...parts, listenAddress, upstreamAddress });
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new StartupError(
      'E_PORT_IN_USE',
      `tap: cannot listen on ${host}:${listenPort}: ${reason}. Choose another --listen, or 0 for any free one.`,
      { cause },
    );
  }
}

interface TapLog {
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}

/** On stderr, so that frames alone are on stdout. */
function createLog({ stderr }: CliIo): TapLog {
  const line = (text: string): void => stderr(`tap: ${text}\n`);
  return { info: line, warn: line, error: line };
}
