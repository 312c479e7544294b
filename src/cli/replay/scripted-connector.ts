/**
 * A KV connector whose finds are written beside the requests: how many tokens of a prompt it has, when it knows, how many
 * steps a load takes and what of it fails, and how long the blocks are read afterwards.
 */
import type {
  FinishedRequest,
  KVConnector,
  KVConnectorOutput,
  KVConnectorStatsData,
  MatchedTokens,
} from '../../engine-core/scheduler/kv-connector.ts';
import {
  NO_MATCH,
  NOT_KNOWN_YET,
  NOTHING_TO_SEND,
} from '../../engine-core/scheduler/kv-connector.ts';
import type { Request } from '../../engine-core/scheduler/request.ts';
import { RequestStatus } from '../../engine-core/scheduler/request-status.ts';
import type { TraceKVRecord, TraceRequestRecord } from './record.ts';

interface Load {
  readonly requestId: string;
  readonly isAsync: boolean;
  /** Steps. */
  readonly delay: number;
  readonly fails: boolean;
  readonly invalidBlockIds: readonly number[];
}

export class ScriptedConnector implements KVConnector {
  readonly requiresKvDelivery = true;
  readonly #scripts = new Map<string, TraceKVRecord>();
  readonly #numAsked = new Map<string, number>();
  /** What the next step begins. */
  #beginning: Load[] = [];
  #holding: { readonly requestId: string; readonly hold: number }[] = [];
  /** With the step in which they end. */
  readonly #loads: { readonly load: Load; readonly lastStep: number }[] = [];
  readonly #held: { readonly requestId: string; readonly lastStep: number }[] = [];
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
    blockIds: readonly (readonly number[])[],
    numExternalTokens: number,
  ): void {
    const script = this.#scripts.get(request.requestId);
    if (numExternalTokens === 0 || script === undefined) return;
    const { fail = [] } = script;
    const [table = []] = blockIds;
    this.#beginning.push({
      requestId: request.requestId,
      isAsync: script.async === true,
      delay: script.async === true ? (script.delay ?? 0) : 0,
      fails: fail === 'request',
      invalidBlockIds: fail === 'request' ? [] : fail.flatMap((index) => table[index] ?? []),
    });
  }

  getExternalCacheHitSources(
    _request: Request,
    numExternalTokens: number,
  ): Readonly<Record<string, number>> {
    return { external_unspecified: numExternalTokens };
  }

  startStep(): void {
    this.#startedSteps += 1;
    for (const load of this.#beginning) {
      this.#loads.push({ load, lastStep: this.#startedSteps + load.delay });
    }
    for (const { requestId, hold } of this.#holding) {
      this.#held.push({ requestId, lastStep: this.#startedSteps + hold });
    }
    this.#beginning = [];
    this.#holding = [];
  }

  finishStep(): KVConnectorOutput | null {
    this.#finishedSteps += 1;
    const loads = takeEnded(this.#loads, this.#finishedSteps).map(({ load }) => load);
    const asyncLoads = loads.filter(({ isAsync }) => isAsync);
    const held = takeEnded(this.#held, this.#finishedSteps);
    if (loads.length === 0 && held.length === 0) return null;
    return {
      finishedSending: held.map(({ requestId }) => requestId),
      finishedRecving: asyncLoads.map(({ requestId }) => requestId),
      failedRecving: asyncLoads.filter(({ fails }) => fails).map(({ requestId }) => requestId),
      invalidBlockIds: loads.flatMap(({ invalidBlockIds }) => invalidBlockIds),
      stats: null,
    };
  }

  requestFinished(request: Request, blockIds: readonly (readonly number[])[]): FinishedRequest {
    const { hold = 0 } = this.#scripts.get(request.requestId) ?? {};
    const hasEnded =
      request.status === RequestStatus.FINISHED_STOPPED ||
      request.status === RequestStatus.FINISHED_LENGTH_CAPPED;
    if (hold === 0 || !hasEnded) return NOTHING_TO_SEND;
    this.#holding.push({ requestId: request.requestId, hold });
    return { delayFreeBlocks: true, kvTransferParams: { held_blocks: blockIds } };
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

/** Takes out what has ended by `step`, in its order. */
function takeEnded<T extends { readonly lastStep: number }>(items: T[], step: number): T[] {
  const ended = items.filter(({ lastStep }) => lastStep <= step);
  if (ended.length > 0) {
    items.splice(0, items.length, ...items.filter(({ lastStep }) => lastStep > step));
  }
  return ended;
}
