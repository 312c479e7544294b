/**
 * What one message of an engine means for the request metrics: pure arithmetic over two clocks, the frontend's wall
 * clock (arrival, latency) and the engine's monotonic clock (events, message timestamps), which are never mixed.
 * All times here are seconds, as on the wire. Source: vllm/v1/metrics/stats.py IterationStats (0.33.0).
 * Leaves out: NaN and watermark counts.
 */
import {
  type EngineCoreEvent,
  EngineCoreEventType,
  type EngineCoreOutput,
  type FinishReason,
} from '../../shared/protocol/outputs.ts';
import type { PrefillStats } from '../../shared/protocol/stats.ts';

/** One request's memory between messages. Mutable: IterationStats updates it. Source: RequestStateStats. */
export class RequestStateStats {
  numGenerationTokens = 0;
  numPreemptions = 0;
  /** Wall-clock seconds of the frontend. */
  readonly arrivalTime: number;
  /** Engine seconds; 0 until the event was seen. */
  queuedTs = 0;
  scheduledTs = 0;
  firstTokenTs = 0;
  lastTokenTs = 0;
  /** Wall-clock seconds from arrival to the first output. */
  firstTokenLatency = 0;

  constructor(arrivalTime: number) {
    this.arrivalTime = arrivalTime;
  }
}

/** Source: FinishedRequestStats. Times in seconds. */
export interface FinishedRequestStats {
  readonly finishReason: FinishReason;
  readonly e2eLatency: number;
  readonly numPromptTokens: number;
  readonly numGenerationTokens: number;
  readonly numPreemptions: number;
  readonly numCachedTokens: number;
  /** Null where the request left it open. */
  readonly maxTokensParam: number | null;
  readonly queuedTime: number;
  readonly prefillTime: number;
  readonly inferenceTime: number;
  readonly decodeTime: number;
  /** 0 where only one token was generated. */
  readonly meanTimePerOutputToken: number;
}

export class IterationStats {
  /** Wall-clock seconds, read once per message. */
  readonly iterationTimestamp: number;
  numGenerationTokens = 0;
  numPreemptedReqs = 0;
  /** Prompt tokens of the requests whose first output this message brought. */
  promptTokensTotal = 0;
  promptTokensComputed = 0;
  promptTokensCached = 0;
  promptTokensLocalCacheHit = 0;
  promptTokensExternal = 0;
  readonly finishedRequests: FinishedRequestStats[] = [];
  readonly timeToFirstTokens: number[] = [];
  readonly interTokenLatencies: number[] = [];
  /** Per request as the client sent it, after its last child: the largest child's tokens, and `n`. */
  readonly maxNumGenerationTokens: number[] = [];
  readonly nParams: number[] = [];

  constructor(iterationTimestamp: number) {
    this.iterationTimestamp = iterationTimestamp;
  }

  /**
   * Takes in one output. `isPrefilling` is true until the first output of the request was seen;
   * `engineCoreTimestamp` is the message's. Changes `stats`.
   */
  updateFromOutput(
    output: EngineCoreOutput,
    engineCoreTimestamp: number,
    isPrefilling: boolean,
    stats: RequestStateStats,
  ): void {
    const numNewTokens = output.newTokenIds.length;
    this.numGenerationTokens += numNewTokens;
    if (isPrefilling) {
      if (output.prefillStats !== null) this.#addPrefillStats(output.prefillStats);
      stats.firstTokenLatency = this.iterationTimestamp - stats.arrivalTime;
      this.timeToFirstTokens.push(stats.firstTokenLatency);
    }
    stats.numGenerationTokens += numNewTokens;
    if (output.events !== null) this.#updateFromEvents(output.events, stats);
    if (isPrefilling) stats.firstTokenTs = engineCoreTimestamp;
    else this.interTokenLatencies.push(engineCoreTimestamp - stats.lastTokenTs);
    stats.lastTokenTs = engineCoreTimestamp;
  }

  updateFromFinishedRequest(
    finishReason: FinishReason,
    numPromptTokens: number,
    maxTokensParam: number | null,
    stats: RequestStateStats,
    numCachedTokens: number,
  ): void {
    const decodeTime = stats.lastTokenTs - stats.firstTokenTs;
    const numDecodeTokens = stats.numGenerationTokens - 1;
    this.finishedRequests.push({
      finishReason,
      e2eLatency: this.iterationTimestamp - stats.arrivalTime,
      numPromptTokens,
      numGenerationTokens: stats.numGenerationTokens,
      numPreemptions: stats.numPreemptions,
      numCachedTokens,
      maxTokensParam,
      queuedTime: stats.scheduledTs - stats.queuedTs,
      prefillTime: stats.firstTokenTs - stats.scheduledTs,
      inferenceTime: stats.lastTokenTs - stats.scheduledTs,
      decodeTime,
      meanTimePerOutputToken: numDecodeTokens > 0 ? decodeTime / numDecodeTokens : 0,
    });
  }

  #addPrefillStats(prefill: PrefillStats): void {
    this.promptTokensTotal += prefill.numPromptTokens;
    this.promptTokensComputed += prefill.numComputedTokens;
    this.promptTokensCached += prefill.numCachedTokens;
    this.promptTokensLocalCacheHit += prefill.numLocalCachedTokens;
    this.promptTokensExternal += prefill.numExternalCachedTokens;
  }

  #updateFromEvents(events: readonly EngineCoreEvent[], stats: RequestStateStats): void {
    for (const { type, timestamp } of events) {
      if (type === EngineCoreEventType.QUEUED) {
        stats.queuedTs = timestamp;
      } else if (type === EngineCoreEventType.SCHEDULED) {
        // Only the first: being scheduled again after a preemption does not move the start.
        if (stats.scheduledTs === 0) stats.scheduledTs = timestamp;
      } else if (type === EngineCoreEventType.PREEMPTED) {
        this.numPreemptedReqs += 1;
        stats.numPreemptions += 1;
      }
    }
  }
}
