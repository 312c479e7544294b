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

/** Between two gatherings while somebody looks. */
export const GATHER_MS = 250;
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
  /** Read once: a pause between two readings of the clocks would move a process's frames against the others'. */
  readonly #ownEpochMs: number;
  readonly #engineNames = new Map<EngineIndex, string>();
  #lookedUntilMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  #underWay: Promise<void> | null = null;
  #isClosed = false;

  constructor(options: FrameGatheringOptions) {
    this.#options = options;
    this.#ownEpochMs = options.clock.wallMs() - options.clock.monotonicMs();
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

  #tick(): void {
    if (this.#options.clock.monotonicMs() < this.#lookedUntilMs) void this.#gather();
    else if (this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
  }

  #gather(): Promise<void> {
    this.#underWay ??= this.#gatherOnce().finally(() => {
      this.#underWay = null;
    });
    return this.#underWay;
  }

  /**
   * All are asked at the same time, and those that have more again. What happened after the first question waits for the next
   * gathering: by then everybody has told of it, and nothing is shown before what led to it.
   */
  async #gatherOnce(): Promise<void> {
    const { stream, sources, ranks, clock } = this.#options;
    const untilMs = this.#ownEpochMs + clock.monotonicMs();
    const told = new Map<string, number>();
    const sinceSeq = (process: string): number =>
      Math.max(stream.lastSeqOf(process), told.get(process) ?? 0);
    const gathered: GatheredFrames[] = [];
    let bytes = 0;
    let askers = [
      ...sources.map((source) => () => source(sinceSeq)),
      ...ranks().map((rank) => () => this.#framesOfEngine(rank, sinceSeq)),
    ];
    for (let round = 0; round < MAX_ROUNDS && askers.length > 0; round++) {
      // The stream would hold no more; what is left comes with the next gathering.
      if (bytes > MAX_STREAM_BYTES) break;
      const answers = await Promise.all(askers.map((ask) => ask().catch(() => null)));
      const hasMore = answers.map((answer) => {
        const all = answer?.frames ?? [];
        if (answer === null) return false;
        const epochMs = epochOf(answer.monotonicMs, clock.monotonicMs(), this.#ownEpochMs);
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

/** Monotonic clocks of one machine differ by no more than an answer takes to come. */
const SAME_MACHINE_MS = 5_000;

/**
 * Wall-clock time at a process's monotonic 0, on this process's wall clock: exact for a process of this machine, whose
 * monotonic clock is the same; for another machine as good as its answer was fast.
 */
export function epochOf(monotonicMs: number, ownMs: number, ownEpochMs: number): number {
  const isSameMachine = Math.abs(ownMs - monotonicMs) < SAME_MACHINE_MS;
  return isSameMachine ? ownEpochMs : ownEpochMs + ownMs - monotonicMs;
}
