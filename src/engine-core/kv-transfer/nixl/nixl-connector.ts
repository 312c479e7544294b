/**
 * Prefill here, decode there: an engine that was asked to `do_remote_decode` keeps a finished prompt's blocks until another
 * one has read them, and one that was asked to `do_remote_prefill` loads them between its steps. Pure: what engines tell each
 * other goes out by `send` and comes in by `receive`; the shell beside it has the sockets.
 * Source: vllm/distributed/kv_transfer/kv_connector/v1/nixl: pull_scheduler.py, base_scheduler.py, base_worker.py (0.33.0).
 * Leaves out: loads of a prefill engine from a decode engine (bidirectional_kv_xfer), host buffers, ranks of unequal number.
 */
import type { KVCacheConfig } from '../../../capacity/spec/kv-cache-config.ts';
import type { Clock } from '../../../shared/clock.ts';
import { cdiv } from '../../../shared/integers.ts';
import type { RequestId } from '../../../shared/protocol/ids.ts';
import type {
  FinishedRequest,
  KVConnector,
  KVConnectorOutput,
  KVConnectorStatsData,
  MatchedTokens,
} from '../../scheduler/kv-connector.ts';
import { NO_MATCH, NOTHING_TO_SEND } from '../../scheduler/kv-connector.ts';
import type { KVTransferParams } from '../../scheduler/kv-transfer-params.ts';
import type { Request } from '../../scheduler/request.ts';
import { RequestStatus } from '../../scheduler/request-status.ts';
import type { TransferLink } from '../transfer-link.ts';
import type { NixlIncoming, NixlOutgoing, NixlPeer } from './nixl-messages.ts';
import { type NixlLoad, NixlReceiver } from './nixl-receiver.ts';
import { NixlSender } from './nixl-sender.ts';
import { NixlStats } from './nixl-stats.ts';

export interface NixlConnectorOptions {
  readonly engineId: string;
  readonly sideChannelHost: string;
  /** Of this rank. */
  readonly sideChannelPort: number;
  readonly tpSize: number;
  readonly dcpSize: number;
  readonly ppSize: number;
  readonly kvCacheConfig: KVCacheConfig;
  /** One block on all workers. */
  readonly bytesPerBlock: number;
  /** Memory areas that one block stands in, on one worker. */
  readonly numRegions: number;
  readonly isProducer: boolean;
  /** kv_lease_duration: seconds that blocks are kept for who is to read them. */
  readonly leaseSeconds: number;
  readonly clock: Clock;
  readonly link: TransferLink;
  /** Told of requests that cannot be served as they ask. */
  readonly warn: (text: string) => void;
}

const NOWHERE = { peer: { engineId: '', host: '', port: 0 }, remoteRequestId: '' };

export class NixlConnector implements KVConnector {
  readonly requiresKvDelivery: boolean;
  /** Set by whoever has the sockets, before the first request. */
  send: (message: NixlOutgoing) => void = () => {};
  readonly #options: NixlConnectorOptions;
  readonly #hasMamba: boolean;
  readonly #stats = new NixlStats();
  readonly #sender: NixlSender;
  readonly #receiver: NixlReceiver;
  /** Requests that are to load and have not begun to. */
  readonly #toLoad = new Set<RequestId>();
  readonly #loading = new Set<RequestId>();
  /** Loads that the next step begins. */
  #beginning: NixlLoad[] = [];
  readonly #heartbeats = new Map<RequestId, { peer: NixlPeer; remoteRequestId: RequestId }>();
  #lastHeartbeatMs = Number.NEGATIVE_INFINITY;

  constructor(options: NixlConnectorOptions) {
    this.#options = options;
    this.requiresKvDelivery = options.isProducer;
    const { clock, link, leaseSeconds } = options;
    const stats = this.#stats;
    this.#hasMamba = options.kvCacheConfig.groups.some(({ spec }) => spec.kind === 'mamba');
    this.#sender = new NixlSender({ clock, stats, leaseSeconds });
    this.#receiver = new NixlReceiver({
      clock,
      stats,
      link,
      send: (message) => this.send(message),
    });
  }

  receive(message: NixlIncoming): void {
    if (message.kind === 'read') this.#sender.noteRead(message.requestId);
    else if (message.kind === 'heartbeat') this.#sender.extend(message.requestIds);
    else this.#receiver.settle(message.engineId, message.problem);
  }

  onNewRequest(request: Request): void {
    const params = request.kvTransferParams;
    if (!params?.['do_remote_prefill']) return;
    this.#toLoad.add(request.requestId);
    const remote = remoteOf(params);
    if (remote !== null) this.#heartbeats.set(request.requestId, remote);
  }

  getNumNewMatchedTokens(request: Request, numComputedTokens: number): MatchedTokens {
    if (!this.#toLoad.has(request.requestId)) return NO_MATCH;
    const { numPromptTokens } = request;
    // A Mamba state is that of the token before: the last one is computed here.
    const numRemote = this.#hasMamba && numPromptTokens > 1 ? numPromptTokens - 1 : numPromptTokens;
    const numTokens = numRemote - numComputedTokens;
    return numTokens > 0 ? { numTokens, loadAsync: true } : NO_MATCH;
  }

  updateStateAfterAlloc(
    request: Request,
    blockIds: readonly (readonly number[])[],
    numExternalTokens: number,
  ): void {
    const params = request.kvTransferParams;
    if (params === null || !this.#toLoad.delete(request.requestId)) return;
    if (numExternalTokens > 0) this.#loading.add(request.requestId);
    const remote = remoteOf(params);
    if (remote !== null && hasBlocks(params)) {
      this.#beginning.push(this.#loadOf(request, remote, blockIds, numExternalTokens));
      return;
    }
    // vLLM's request would wait for ever.
    this.#receiver.fail(this.#loadOf(request, NOWHERE, blockIds, numExternalTokens));
    this.#options.warn(
      `Got invalid KVTransferParams: ${shown(params)}. This request will not utilize KVTransfer`,
    );
  }

  getExternalCacheHitSources(
    _request: Request,
    numExternalTokens: number,
  ): Readonly<Record<string, number>> {
    return { p2p: numExternalTokens };
  }

  startStep(): void {
    for (const load of this.#beginning) this.#receiver.begin(load);
    if (this.#beginning.length > 0) this.#beginning = [];
    if (this.#heartbeats.size > 0) this.#sendHeartbeats();
  }

  finishStep(): KVConnectorOutput | null {
    const { done, failed } = this.#receiver.takeEnded();
    const finishedSending = this.#sender.takeDone();
    const failedLoads = failed.filter(({ requestId }) => this.#loading.has(requestId));
    const finishedRecving = [...done, ...failedLoads.map(({ requestId }) => requestId)];
    for (const requestId of finishedRecving) {
      this.#loading.delete(requestId);
      this.#heartbeats.delete(requestId);
    }
    const stats = this.#stats.take();
    if (finishedRecving.length + finishedSending.length === 0 && stats === null) return null;
    const isOneGroup = this.#options.kvCacheConfig.groups.length === 1;
    return {
      finishedSending,
      finishedRecving,
      failedRecving: isOneGroup ? [] : failedLoads.map(({ requestId }) => requestId),
      invalidBlockIds: isOneGroup ? failedLoads.flatMap(({ blockIds }) => blockIds) : [],
      stats,
    };
  }

  requestFinished(request: Request, blockIds: readonly (readonly number[])[]): FinishedRequest {
    const params = request.kvTransferParams;
    if (params === null) return NOTHING_TO_SEND;
    this.#heartbeats.delete(request.requestId);
    if (this.#toLoad.delete(request.requestId)) {
      // It never came to load: the blocks over there are not wanted any more.
      const remote = remoteOf(params);
      if (remote !== null) this.#beginning.push(this.#loadOf(request, remote, [], 0));
      return NOTHING_TO_SEND;
    }
    const hasEnded =
      request.status === RequestStatus.FINISHED_LENGTH_CAPPED ||
      request.status === RequestStatus.FINISHED_STOPPED;
    if (!params['do_remote_decode'] || !hasEnded) return NOTHING_TO_SEND;
    const delayFreeBlocks = blockIds.some((group) => group.length > 0);
    if (delayFreeBlocks) this.#sender.keep(request.requestId, this.#options.leaseSeconds);
    return {
      delayFreeBlocks,
      kvTransferParams: {
        do_remote_prefill: true,
        do_remote_decode: false,
        remote_block_ids: this.#clipped(blockIds),
        remote_engine_id: this.#options.engineId,
        remote_request_id: request.requestId,
        remote_host: this.#options.sideChannelHost,
        remote_port: this.#options.sideChannelPort,
        tp_size: this.#options.tpSize,
        dcp_size: this.#options.dcpSize,
        pp_size: this.#options.ppSize,
        remote_num_tokens: delayFreeBlocks ? request.numComputedTokens : 0,
        remote_blocks_expiry_time: null,
        remote_registration_generation: 1,
        transfer_mode: 'pull',
      },
    };
  }

  hasPendingBlockFrees(): boolean {
    return false;
  }

  hasPendingPushWork(): boolean {
    // A notice that goes out with the next step.
    return this.#beginning.length > 0;
  }

  takeStats(worker: KVConnectorStatsData | null): KVConnectorStatsData | null {
    return worker;
  }

  resetCache(): boolean | null {
    return null;
  }

  /** A group with a window is read as far as the window reaches. Source: get_exchange_clipped_blocks. */
  #clipped(blockIds: readonly (readonly number[])[]): readonly (readonly number[])[] {
    const { groups } = this.#options.kvCacheConfig;
    return blockIds.map((ids, i) => {
      const spec = groups[i]?.spec;
      if (spec?.kind === 'mamba') return ids.slice(-1);
      if (spec?.kind !== 'sliding_window' && spec?.kind !== 'sliding_window_mla') return ids;
      return ids.slice(-(cdiv(spec.slidingWindow, spec.blockSize) + 1));
    });
  }

  #loadOf(
    request: Request,
    { peer, remoteRequestId }: { peer: NixlPeer; remoteRequestId: RequestId },
    blockIds: readonly (readonly number[])[],
    numExternalTokens: number,
  ): NixlLoad {
    const { groups } = this.#options.kvCacheConfig;
    const wanted = this.#clipped(blockIds).flatMap((ids, i) => {
      const blockSize = groups[i]?.spec.blockSize ?? 1;
      const numBlocks = cdiv(numExternalTokens, blockSize);
      return numBlocks === 0 ? [] : ids.slice(-numBlocks).filter((block) => block !== 0);
    });
    return {
      requestId: request.requestId,
      remoteRequestId,
      peer,
      blockIds: wanted,
      bytes: wanted.length * this.#options.bytesPerBlock,
      numDescriptors: wanted.length * this.#options.numRegions,
    };
  }

  #sendHeartbeats(): void {
    const { clock, leaseSeconds } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#lastHeartbeatMs < Math.floor(leaseSeconds / 6) * 1000) return;
    this.#lastHeartbeatMs = nowMs;
    const byPeer = new Map<string, { peer: NixlPeer; requestIds: RequestId[] }>();
    for (const { peer, remoteRequestId } of this.#heartbeats.values()) {
      const known = byPeer.get(peer.engineId);
      if (known === undefined) byPeer.set(peer.engineId, { peer, requestIds: [remoteRequestId] });
      else known.requestIds.push(remoteRequestId);
    }
    for (const { peer, requestIds } of byPeer.values()) {
      this.send({ kind: 'heartbeat', peer, requestIds });
    }
  }
}

const MAX_SHOWN_CHARS = 1_000;
const MAX_PORT = 65_535;

/** A client may send anything, and much of it. */
function shown(params: KVTransferParams): string {
  const text = JSON.stringify(params, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text;
}

/** Where a request's blocks are; null where the parameters do not say it. */
function remoteOf(params: KVTransferParams): { peer: NixlPeer; remoteRequestId: RequestId } | null {
  const { remote_engine_id: engineId, remote_host: host, remote_port: asked } = params;
  const { remote_request_id: remoteRequestId } = params;
  const port = typeof asked === 'string' ? Number(asked) : asked;
  if (typeof engineId !== 'string' || typeof remoteRequestId !== 'string') return null;
  if (typeof host !== 'string' || typeof port !== 'number') return null;
  if (!Number.isInteger(port) || port <= 0 || port > MAX_PORT) return null;
  return { peer: { engineId, host, port }, remoteRequestId };
}

function hasBlocks(params: KVTransferParams): boolean {
  const blocks = params['remote_block_ids'];
  return Array.isArray(blocks) && blocks.length > 0;
}
