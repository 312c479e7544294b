/**
 * A KV connector for random workloads: it has some of a prompt, now or later, in the step or between steps; some loads fail,
 * some finished requests' blocks are read a while longer. Seeded.
 */
import type {
  FinishedRequest,
  KVConnector,
  KVConnectorOutput,
  MatchedTokens,
} from '../../src/engine-core/scheduler/kv-connector.ts';
import {
  NO_MATCH,
  NOT_KNOWN_YET,
  NOTHING_TO_SEND,
} from '../../src/engine-core/scheduler/kv-connector.ts';
import type { Request } from '../../src/engine-core/scheduler/request.ts';
import { RequestStatus } from '../../src/engine-core/scheduler/request-status.ts';
import { Prng } from '../../src/shared/prng.ts';

interface Load {
  readonly requestId: string;
  readonly isAsync: boolean;
  readonly fails: boolean;
  readonly invalidBlockIds: readonly number[];
  /** Steps. */
  readonly delay: number;
}

interface Ending<T> {
  readonly what: T;
  readonly lastStep: number;
}

export class RandomConnector implements KVConnector {
  readonly requiresKvDelivery = false;
  readonly #failing: 'never' | 'requests' | 'blocks';
  readonly #prng: Prng;
  readonly #isAsync = new Map<string, boolean>();
  #beginning: Load[] = [];
  #loads: Ending<Load>[] = [];
  #held: Ending<string>[] = [];
  #startedSteps = 0;
  #finishedSteps = 0;

  /** `blocks`: single blocks of a load may fail, which only a model with one KV cache group knows. */
  constructor(options: { seed: number; failing: 'never' | 'requests' | 'blocks' }) {
    this.#prng = new Prng(options.seed);
    this.#failing = options.failing;
  }

  onNewRequest(): void {}

  getNumNewMatchedTokens(request: Request, numComputedTokens: number): MatchedTokens {
    const choice = this.#prng.nextBelow(4);
    if (choice === 0) return NOT_KNOWN_YET;
    if (choice === 1) return NO_MATCH;
    const known = Math.floor((request.numPromptTokens - 1) / 16) * 16;
    const numTokens = Math.max(0, known - numComputedTokens);
    const loadAsync = numTokens > 0 && choice === 2;
    this.#isAsync.set(request.requestId, loadAsync);
    return { numTokens, loadAsync };
  }

  updateStateAfterAlloc(
    { requestId }: Request,
    [table = []]: readonly (readonly number[])[],
    numExternalTokens: number,
  ): void {
    if (numExternalTokens === 0) return;
    const isAsync = this.#isAsync.get(requestId) === true;
    const isBad = this.#failing !== 'never' && this.#prng.nextFloat() < 0.3;
    const bad = table[this.#prng.nextBelow(Math.ceil(numExternalTokens / 16))];
    this.#beginning.push({
      requestId,
      isAsync,
      fails: isBad && isAsync && this.#failing === 'requests',
      invalidBlockIds: isBad && this.#failing === 'blocks' && bad !== undefined ? [bad] : [],
      delay: isAsync ? this.#prng.nextBelow(5) : 0,
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
    for (const load of this.#beginning.splice(0)) {
      this.#loads.push({ what: load, lastStep: this.#startedSteps + load.delay });
    }
  }

  finishStep(): KVConnectorOutput | null {
    this.#finishedSteps += 1;
    const hasEnded = ({ lastStep }: { lastStep: number }) => lastStep <= this.#finishedSteps;
    const loads = this.#loads.filter(hasEnded).map(({ what }) => what);
    const sent = this.#held.filter(hasEnded).map(({ what }) => what);
    this.#loads = this.#loads.filter((load) => !hasEnded(load));
    this.#held = this.#held.filter((held) => !hasEnded(held));
    if (loads.length === 0 && sent.length === 0) return null;
    const asyncLoads = loads.filter(({ isAsync }) => isAsync);
    return {
      finishedSending: sent,
      finishedRecving: asyncLoads.map(({ requestId }) => requestId),
      failedRecving: asyncLoads.filter(({ fails }) => fails).map(({ requestId }) => requestId),
      invalidBlockIds: loads.flatMap(({ invalidBlockIds }) => invalidBlockIds),
      stats: null,
    };
  }

  requestFinished({ requestId, status }: Request): FinishedRequest {
    const isWhole =
      status === RequestStatus.FINISHED_STOPPED || status === RequestStatus.FINISHED_LENGTH_CAPPED;
    if (!isWhole || this.#prng.nextFloat() < 0.5) return NOTHING_TO_SEND;
    this.#held.push({
      what: requestId,
      lastStep: this.#startedSteps + 1 + this.#prng.nextBelow(4),
    });
    return { delayFreeBlocks: true, kvTransferParams: null };
  }

  hasPendingBlockFrees(): boolean {
    return this.#held.length > 0;
  }

  hasPendingPushWork(): boolean {
    return this.#held.length > 0;
  }

  takeStats(): null {
    return null;
  }

  resetCache(): null {
    return null;
  }
}
