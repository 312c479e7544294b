/**
 * A KV connector whose finds are written beside the requests: how many tokens of a prompt it has, when it knows, and how
 * many steps a load takes. It keeps nobody's blocks, and its loads do not fail.
 */
import type {
  FinishedRequest,
  KVConnector,
  KVConnectorOutput,
  KVConnectorStatsData,
  MatchedTokens,
} from '../../engine-core/kv-transfer/kv-connector.ts';
import {
  NO_MATCH,
  NOT_KNOWN_YET,
  NOTHING_TO_SEND,
} from '../../engine-core/kv-transfer/kv-connector.ts';
import type { Request } from '../../engine-core/scheduler/request.ts';
import type { KVCacheEvent } from '../../shared/protocol/kv-events.ts';
import type { TraceKVRecord, TraceRequestRecord } from './record.ts';

export class ScriptedConnector implements KVConnector {
  readonly requiresKvDelivery = true;
  readonly #scripts = new Map<string, TraceKVRecord>();
  readonly #numAsked = new Map<string, number>();
  /** Loads that the next step begins, with the steps that they take. */
  #beginning: { readonly requestId: string; readonly delay: number }[] = [];
  /** By the step in which they end. */
  readonly #loading = new Map<string, number>();
  #startedSteps = 0;
  #finishedSteps = 0;

  constructor(requests: readonly TraceRequestRecord[]) {
    for (const { id, kv } of requests) if (kv) this.#scripts.set(id, kv);
  }

  onNewRequest(): void {}

  getNumNewMatchedTokens(request: Request, numComputedTokens: number): MatchedTokens {
    const script = this.#scripts.get(request.requestId);
    if (script === undefined) return NO_MATCH;
    const numAsked = (this.#numAsked.get(request.requestId) ?? 0) + 1;
    this.#numAsked.set(request.requestId, numAsked);
    if (numAsked <= (script.later ?? 0)) return NOT_KNOWN_YET;
    const known = Math.max(0, Math.min(script.tokens, request.numTokens - 1));
    const numTokens = Math.max(0, known - numComputedTokens);
    return { numTokens, loadAsync: numTokens > 0 && script.async === true };
  }

  updateStateAfterAlloc(
    request: Request,
    _blockIds: readonly (readonly number[])[],
    numExternalTokens: number,
  ): void {
    const script = this.#scripts.get(request.requestId);
    if (numExternalTokens === 0 || script?.async !== true) return;
    this.#beginning.push({ requestId: request.requestId, delay: script.delay ?? 0 });
  }

  getExternalCacheHitSources(
    _request: Request,
    numExternalTokens: number,
  ): Readonly<Record<string, number>> {
    return { external_unspecified: numExternalTokens };
  }

  startStep(): void {
    this.#startedSteps += 1;
    for (const { requestId, delay } of this.#beginning) {
      this.#loading.set(requestId, this.#startedSteps + delay);
    }
    this.#beginning = [];
  }

  finishStep(): KVConnectorOutput | null {
    this.#finishedSteps += 1;
    const finishedRecving: string[] = [];
    for (const [requestId, lastStep] of this.#loading) {
      if (lastStep > this.#finishedSteps) continue;
      finishedRecving.push(requestId);
      this.#loading.delete(requestId);
    }
    if (finishedRecving.length === 0) return null;
    return {
      finishedSending: [],
      finishedRecving,
      failedRecving: [],
      invalidBlockIds: [],
      stats: null,
    };
  }

  requestFinished(): FinishedRequest {
    return NOTHING_TO_SEND;
  }

  takeEvents(): readonly KVCacheEvent[] {
    return [];
  }

  hasPendingBlockFrees(): boolean {
    return false;
  }

  hasPendingPushWork(): boolean {
    return false;
  }

  takeStats(): KVConnectorStatsData | null {
    return null;
  }

  resetCache(): boolean | null {
    return null;
  }
}
