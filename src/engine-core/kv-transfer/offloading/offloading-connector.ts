/**
 * Keeps a copy of full blocks in simulated CPU memory as they are computed, and loads them back between steps for prompts
 * that have left the GPU's prefix cache.
 * Source: vllm/distributed/kv_transfer/kv_connector/v1/offloading_connector.py, offloading/scheduler.py (0.33.0). Leaves out:
 * tiers behind the CPU, loads within a step, states of Mamba layers, partial chunks, the tier's own KV cache events.
 */
import type { Clock } from '../../../shared/clock.ts';
import type { RequestId } from '../../../shared/protocol/ids.ts';
import type {
  FinishedRequest,
  KVConnector,
  KVConnectorOutput,
  KVConnectorStatsData,
  MatchedTokens,
} from '../../scheduler/kv-connector.ts';
import { NO_MATCH, NOT_KNOWN_YET, NOTHING_TO_SEND } from '../../scheduler/kv-connector.ts';
import type { Request } from '../../scheduler/request.ts';
import type { SchedulerOutput } from '../../scheduler/scheduler-output.ts';
import type { TransferLink } from '../transfer-link.ts';
import { CpuTier } from './cpu-tier.ts';
import { OffloadJobs } from './offload-jobs.ts';
import type { OffloadGroup, OffloadLayout } from './offload-layout.ts';
import { OffloadStats } from './offload-stats.ts';

export interface OffloadingConnectorOptions {
  readonly layout: OffloadLayout;
  readonly numChunks: number;
  /** One chunk on all workers, as it is copied. */
  readonly bytesPerChunk: number;
  /** One chunk as it lies in CPU memory. */
  readonly paddedBytesPerChunk: number;
  readonly maxModelLen: number;
  readonly clock: Clock;
  readonly loadLink: TransferLink;
  readonly storeLink: TransferLink;
}

/** A request as far as it has been offered to the tier. */
interface Tracked {
  readonly request: Request;
  /** By group of the layout: chunks that were offered. */
  readonly numOffered: number[];
  /** Keys of it that are in the tier, or were. */
  readonly keys: Set<string>;
  numLocalTokens: number;
  deferredSinceMs: number | null;
}

export class OffloadingConnector implements KVConnector {
  /** A save that is dropped is a miss later on, no more. */
  readonly requiresKvDelivery = false;
  readonly #options: OffloadingConnectorOptions;
  readonly #tier: CpuTier;
  readonly #jobs: OffloadJobs;
  readonly #stats: OffloadStats;
  readonly #tracked = new Map<RequestId, Tracked>();
  /** Requests that have ended, with the chunks that no step has offered yet. */
  #finished: Tracked[] = [];
  #recovered: RequestId[] = [];

  constructor(options: OffloadingConnectorOptions) {
    this.#options = options;
    const { layout, numChunks, maxModelLen, paddedBytesPerChunk } = options;
    this.#tier = new CpuTier(numChunks);
    this.#jobs = new OffloadJobs(options.clock, {
      load: options.loadLink,
      store: options.storeLink,
    });
    const perRequest = layout.chunksPerRequest(maxModelLen);
    this.#stats = new OffloadStats({
      cpu_num_chunks: numChunks,
      cpu_blocks_per_chunk: layout.blocksPerChunk,
      cpu_kv_cache_size_bytes: numChunks * paddedBytesPerChunk,
      cpu_kv_cache_size_tokens:
        perRequest === 0 ? null : Math.floor((numChunks * maxModelLen) / perRequest),
    });
  }

  onNewRequest(request: Request): void {
    this.#tracked.set(request.requestId, {
      request,
      numOffered: this.#options.layout.groups.map(() => 0),
      keys: new Set(),
      numLocalTokens: 0,
      deferredSinceMs: null,
    });
  }

  getNumNewMatchedTokens(request: Request, numComputedTokens: number): MatchedTokens {
    const tracked = this.#tracked.get(request.requestId);
    if (tracked === undefined) return NO_MATCH;
    tracked.numOffered.fill(0);
    if (this.#jobs.has(request.requestId)) return NOT_KNOWN_YET;
    tracked.numLocalTokens = numComputedTokens;
    if (request.skipReadingPrefixCache) return NO_MATCH;
    const nowMs = this.#options.clock.monotonicMs();
    const numTokens = this.#lookUp(request, numComputedTokens);
    this.#stats.observe('vllm:kv_offload_lookup_sync_delay_seconds', 0);
    if (numTokens === null) {
      tracked.deferredSinceMs ??= nowMs;
      return NOT_KNOWN_YET;
    }
    this.#observeDeferral(tracked, nowMs);
    return { numTokens, loadAsync: numTokens > 0 };
  }

  updateStateAfterAlloc(
    request: Request,
    _blockIds: readonly (readonly number[])[],
    numExternalTokens: number,
  ): void {
    const tracked = this.#tracked.get(request.requestId);
    if (numExternalTokens === 0 || tracked === undefined) return;
    const { layout, bytesPerChunk } = this.#options;
    const numTokens = tracked.numLocalTokens + numExternalTokens;
    const keys = layout.groups.flatMap((group, i) => {
      const end = Math.floor(numTokens / group.tokensPerChunk);
      tracked.numOffered[i] = end;
      const first = Math.floor(tracked.numLocalTokens / group.tokensPerChunk);
      return layout.keysOf(request, group, firstOfWindow(group, first, end), end);
    });
    for (const key of keys) tracked.keys.add(key);
    this.#tier.prepareLoad(keys);
    const bytes = keys.length * bytesPerChunk;
    this.#jobs.begin({ requestId: request.requestId, isStore: false, keys, bytes });
  }

  getExternalCacheHitSources(
    _request: Request,
    numExternalTokens: number,
  ): Readonly<Record<string, number>> {
    return { host: numExternalTokens };
  }

  startStep(output: SchedulerOutput): void {
    for (const requestId of output.preemptedReqIds) this.#jobs.flushStores(requestId);
    for (let i = 0; i < output.numRequests; i += 1) {
      const request = output.requests[i];
      const tracked = request && this.#tracked.get(request.requestId);
      if (tracked === undefined) continue;
      const { numComputedTokens, numTokens } = tracked.request;
      const scheduled = output.numScheduledTokens[i] ?? 0;
      this.#store(tracked, Math.min(numComputedTokens + scheduled, numTokens));
    }
    for (const tracked of this.#finished) {
      const { request } = tracked;
      // The last token's place was never written.
      this.#store(tracked, Math.min(request.numComputedTokens, request.numTokens - 1));
      this.#tier.touch([...tracked.keys]);
    }
    if (this.#finished.length > 0) this.#finished = [];
  }

  finishStep(): KVConnectorOutput | null {
    const finishedRecving = this.#recovered;
    this.#recovered = [];
    for (const job of this.#jobs.takeEnded()) {
      if (job.isStore) this.#tier.completeStore(job.keys);
      else {
        this.#tier.completeLoad(job.keys);
        finishedRecving.push(job.requestId);
      }
      const direction = job.isStore ? 'store' : 'load';
      this.#stats.increase(`vllm:kv_offload_${direction}_bytes`, job.bytes);
      this.#stats.increase(`vllm:kv_offload_${direction}_time`, job.seconds);
      this.#stats.observe(`vllm:kv_offload_${direction}_size`, job.bytes);
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

  requestFinished(request: Request): FinishedRequest {
    const tracked = this.#tracked.get(request.requestId);
    if (tracked === undefined) return NOTHING_TO_SEND;
    this.#tracked.delete(request.requestId);
    this.#observeDeferral(tracked, this.#options.clock.monotonicMs());
    this.#finished.push(tracked);
    return NOTHING_TO_SEND;
  }

  hasPendingBlockFrees(): boolean {
    return false;
  }

  hasPendingPushWork(): boolean {
    return this.#jobs.length > 0;
  }

  takeStats(): KVConnectorStatsData {
    const { writing, reading } = this.#tier.usage;
    this.#stats.set('vllm:kv_offload_cpu_cache_usage_perc', writing + reading);
    this.#stats.set('vllm:kv_offload_cpu_cache_write_usage_perc', writing);
    this.#stats.set('vllm:kv_offload_cpu_cache_read_usage_perc', reading);
    return this.#stats.take();
  }

  resetCache(): boolean {
    this.#recovered.push(...this.#jobs.clear().map(({ requestId }) => requestId));
    this.#tier.clear();
    for (const tracked of this.#tracked.values()) {
      tracked.numOffered.fill(0);
      tracked.keys.clear();
    }
    this.#finished = [];
    return true;
  }

  /** Tokens beyond `numComputedTokens` that all groups have; null while some of them are being written. */
  #lookUp(request: Request, numComputedTokens: number): number | null {
    const { layout } = this.#options;
    const { groups, tokensPerChunk } = layout;
    if (groups.length === 0) return 0;
    let isPending = false;
    const has = (key: string | undefined): boolean => {
      const found = key === undefined ? 'miss' : this.#tier.lookUp(key);
      isPending ||= found === 'pending';
      return found !== 'miss';
    };
    // A window has to hold the tokens before the one that is computed.
    let end = request.numTokens - (layout.hasWindows ? 1 : 0);
    for (const group of groups) {
      if (group.windowChunks !== null) continue;
      const first = Math.floor(numComputedTokens / group.tokensPerChunk);
      const keys = layout.keysOf(request, group, first, Math.floor(end / group.tokensPerChunk));
      const numMissed = keys.findIndex((key) => !has(key));
      const numHits = numMissed < 0 ? keys.length : numMissed;
      end = Math.min(end, (first + numHits) * group.tokensPerChunk);
    }
    end -= end % tokensPerChunk;
    while (end - numComputedTokens >= tokensPerChunk && !this.#hasWindows(request, end, has)) {
      end -= tokensPerChunk;
    }
    if (end - numComputedTokens < tokensPerChunk) return 0;
    return isPending ? null : end - numComputedTokens;
  }

  #hasWindows(request: Request, end: number, has: (key: string | undefined) => boolean): boolean {
    const { layout } = this.#options;
    return layout.groups.every((group) => {
      if (group.windowChunks === null) return true;
      const last = Math.floor(end / group.tokensPerChunk);
      const first = firstOfWindow(group, 0, last);
      const keys = layout.keysOf(request, group, first, last);
      return keys.length === last - first && keys.every(has);
    });
  }

  /** Offers the chunks that are full by `numTokens` tokens and have not been offered. */
  #store(tracked: Tracked, numTokens: number): void {
    const { layout, bytesPerChunk } = this.#options;
    const { request, numOffered } = tracked;
    const offered: string[] = [];
    layout.groups.forEach((group, i) => {
      const end = Math.floor(numTokens / group.tokensPerChunk);
      const first = numOffered[i] ?? 0;
      if (end > first) offered.push(...layout.keysOf(request, group, first, end));
    });
    if (offered.length === 0) return;
    const prepared = this.#tier.prepareStore(offered);
    if (prepared === null) {
      this.#stats.increase('vllm:kv_offload_allocation_failure', 1);
      return;
    }
    layout.groups.forEach((group, i) => {
      numOffered[i] = Math.max(numOffered[i] ?? 0, Math.floor(numTokens / group.tokensPerChunk));
    });
    for (const key of offered) tracked.keys.add(key);
    const keys = prepared.stored;
    if (keys.length === 0) return;
    this.#stats.observe('vllm:kv_offload_cpu_allocation_size', keys.length);
    const bytes = keys.length * bytesPerChunk;
    this.#jobs.begin({ requestId: request.requestId, isStore: true, keys, bytes });
  }

  #observeDeferral(tracked: Tracked, nowMs: number): void {
    if (tracked.deferredSinceMs === null) return;
    const seconds = (nowMs - tracked.deferredSinceMs) / 1000;
    tracked.deferredSinceMs = null;
    this.#stats.observe('vllm:kv_offload_lookup_async_delay_seconds', seconds);
  }
}

/** The first chunk of [first, end) that the group's window at `end` reaches. */
function firstOfWindow({ windowChunks }: OffloadGroup, first: number, end: number): number {
  return windowChunks === null ? first : Math.max(first, end - windowChunks);
}
