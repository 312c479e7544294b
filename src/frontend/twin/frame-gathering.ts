/**
 * Brings the frames of all processes into the merged stream: at once when asked, and on its own every moment while somebody
 * looks. One gathering at a time; a process that does not answer is left out of it.
 */
import type { Clock } from '../../shared/clock.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import { type ProcessFrames, WATCH_MS } from '../../shared/tap/process-frames.ts';
import type { EngineFrames } from '../../shared/twin-api/engine-views.ts';
import type { EngineInquiry } from './engine-inquiry.ts';
import {
  bytesOf,
  type GatheredFrames,
  MAX_STREAM_BYTES,
  type MergedStream,
} from './merged-stream.ts';
import { ProcessTimes } from './process-times.ts';

/** Between two gatherings while somebody looks. */
export const GATHER_MS = 250;
/** How long a process may take that is no engine; one that hangs is left out until it has answered. */
export const SOURCE_TIMEOUT_MS = 1_000;
/** Answers of one process in one gathering; the rest comes with the next. */
const MAX_ROUNDS = 25;

/** A process that has a tap and is no engine: this one, another API server, the coordinator. Null where it is silent. */
export type FrameSource = (sinceSeq: (process: string) => number) => Promise<ProcessFrames | null>;

export interface FrameGatheringOptions {
  readonly stream: MergedStream;
  readonly inquiry: EngineInquiry;
  readonly clock: Clock;
  readonly sources: readonly FrameSource[];
  /** Engines that can be asked now. */
  readonly ranks: () => readonly EngineIndex[];
}

export class FrameGathering {
  readonly #options: FrameGatheringOptions;
  readonly #sources: readonly FrameSource[];
  readonly #engineNames = new Map<EngineIndex, string>();
  readonly #times: ProcessTimes;
  #lookedUntilMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  #underWay: Promise<void> | null = null;
  #gatheredAtMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(options: FrameGatheringOptions) {
    this.#options = options;
    this.#sources = options.sources.map(notWaitedForTwice);
    this.#times = new ProcessTimes(options.clock);
  }

  /** Somebody looks: gathers now, and goes on for some seconds. */
  async look(): Promise<void> {
    if (this.#isClosed) return;
    this.#lookedUntilMs = this.#options.clock.monotonicMs() + WATCH_MS;
    this.#timer ??= setInterval(() => this.#tick(), GATHER_MS).unref();
    await this.#gather();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Who looks may have gathered just now. */
  #tick(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs < this.#lookedUntilMs) {
      if (nowMs - this.#gatheredAtMs >= GATHER_MS) void this.#gather();
    } else if (this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
  }

  #gather(): Promise<void> {
    this.#underWay ??= this.#gatherOnce().finally(() => {
      this.#underWay = null;
      this.#gatheredAtMs = this.#options.clock.monotonicMs();
    });
    return this.#underWay;
  }

  /**
   * All are asked at the same time, and those that have more again. What happened after the first question waits for the next
   * gathering: by then everybody has told of it, and nothing is shown before what led to it.
   */
  async #gatherOnce(): Promise<void> {
    const { stream, ranks } = this.#options;
    const untilMs = this.#times.nowMs();
    const told = new Map<string, number>();
    const sinceSeq = (process: string): number =>
      Math.max(stream.lastSeqOf(process), told.get(process) ?? 0);
    const gathered: GatheredFrames[] = [];
    let bytes = 0;
    let askers = [
      ...this.#sources.map((source) => () => source(sinceSeq)),
      ...ranks().map((rank) => () => this.#framesOfEngine(rank, sinceSeq)),
    ];
    for (let round = 0; round < MAX_ROUNDS && askers.length > 0; round++) {
      // The stream would hold no more; what is left comes with the next gathering.
      if (bytes > MAX_STREAM_BYTES) break;
      const answers = await Promise.all(askers.map((ask) => ask().catch(() => null)));
      const hasMore = answers.map((answer) => {
        const all = answer?.frames ?? [];
        if (answer === null) return false;
        const epochMs = this.#times.epochOf(answer.process, answer.monotonicMs);
        const frames = all.filter((frame) => epochMs + frame.monotonic_ms <= untilMs);
        const last = frames.at(-1);
        if (last === undefined) return false;
        gathered.push({ process: answer.process, epochMs, frames });
        bytes += frames.reduce((sum, frame) => sum + bytesOf(frame), 0);
        told.set(answer.process, last.seq);
        return frames.length === all.length;
      });
      askers = askers.filter((_, index) => hasMore[index]);
    }
    stream.add(gathered);
  }

  async #framesOfEngine(
    rank: EngineIndex,
    sinceSeq: (process: string) => number,
  ): Promise<ProcessFrames | null> {
    const { inquiry } = this.#options;
    const name = this.#engineNames.get(rank);
    const answer = await inquiry.ask(rank, 'vllm_twin_frames', [
      name === undefined ? 0 : sinceSeq(name),
    ]);
    if (!answer.isOk) return null;
    const { process, monotonic_ms, frames } = answer.value as EngineFrames;
    this.#engineNames.set(rank, process);
    return { process, monotonicMs: monotonic_ms, frames };
  }
}

/** Asks with a deadline, and not again while an answer that was given up may still come. */
function notWaitedForTwice(source: FrameSource): FrameSource {
  let isOverdue = false;
  return async (sinceSeq) => {
    if (isOverdue) return null;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<null>((resolve) => {
      timer = setTimeout(() => {
        isOverdue = true;
        resolve(null);
      }, SOURCE_TIMEOUT_MS);
      timer.unref();
    });
    const answer = source(sinceSeq)
      .catch(() => null)
      .finally(() => {
        clearTimeout(timer);
        isOverdue = false;
      });
    return Promise.race([answer, deadline]);
  };
}
