/**
 * Looks at an engine core that somebody else runs, between any two events, and knows no implementation but what it sees:
 * blocks and requests conserved, one end a request, tokens once and no more than asked for, usage and hits in bounds.
 */
import type { EngineCore } from '../../../src/engine-core/engine-core.ts';
import type { EngineCoreOutputs } from '../../../src/shared/protocol/outputs.ts';
import type { EngineInput } from '../../../src/shared/protocol/request.ts';
import type { SchedulerStats } from '../../../src/shared/protocol/stats.ts';

interface SeenRequest {
  numTokens: number;
  readonly maxTokens: number;
}

export class RunningEngineChecker {
  readonly core: EngineCore;
  /** Taken in, and not yet ended. */
  readonly #open = new Map<string, SeenRequest>();
  /** Ended, and not to be heard of again; the last ones. */
  readonly #ended = new Set<string>();
  numReceived = 0;
  numFinished = 0;
  numAborted = 0;
  numTokens = 0;
  lastStats: SchedulerStats | null = null;

  /** Sees from here on what goes in and what comes out. */
  constructor(core: EngineCore) {
    this.core = core;
    const handleInput = core.handleInput.bind(core);
    core.handleInput = (input) => {
      this.#seeInput(input);
      handleInput(input);
    };
    const takeOutputs = core.takeOutputs.bind(core);
    core.takeOutputs = () => {
      const messages = takeOutputs();
      for (const { outputs } of messages) this.#seeOutputs(outputs);
      return messages;
    };
  }

  /** What must hold between two events. Throws what does not. */
  check(): void {
    this.#checkBlocks();
    this.#checkRequests();
  }

  #seeInput(input: EngineInput): void {
    if (input.type !== 'ADD') return;
    const { requestId, samplingParams } = input.request;
    if (this.#open.has(requestId)) throw new Error(`${requestId} came twice`);
    this.numReceived += 1;
    this.#open.set(requestId, { numTokens: 0, maxTokens: samplingParams?.maxTokens ?? 0 });
  }

  #seeOutputs({ outputs, schedulerStats }: EngineCoreOutputs): void {
    for (const { requestId, newTokenIds, finishReason } of outputs) {
      const request = this.#open.get(requestId);
      if (request === undefined)
        throw new Error(
          `${requestId}: ${this.#ended.has(requestId) ? 'output after its end' : 'output of none'}`,
        );
      request.numTokens += newTokenIds.length;
      this.numTokens += newTokenIds.length;
      if (request.numTokens > request.maxTokens)
        throw new Error(`${requestId}: ${request.numTokens} of ${request.maxTokens} tokens`);
      if (finishReason === null) continue;
      this.numFinished += 1;
      this.#end(requestId);
    }
    if (schedulerStats === null) return;
    checkStats(schedulerStats);
    this.lastStats = schedulerStats;
  }

  #end(requestId: string): void {
    this.#open.delete(requestId);
    this.#ended.add(requestId);
    const [oldest] = this.#ended;
    if (this.#ended.size > 1_000 && oldest !== undefined) this.#ended.delete(oldest);
  }

  /** Free + referenced = all, and no count is negative. The null block is in neither. */
  #checkBlocks(): void {
    const { blockPool } = this.core.scheduler.state.kvCacheManager;
    let numReferenced = 0;
    for (let block = 1; block < blockPool.numBlocks; block += 1) {
      const count = blockPool.refCount(block);
      if (count < 0) throw new Error(`block ${block} is referenced ${count} times`);
      if (count > 0) numReferenced += 1;
    }
    const { numFreeBlocks, numBlocks, usage } = blockPool;
    if (numFreeBlocks + numReferenced !== numBlocks - 1)
      throw new Error(
        `${numFreeBlocks} free + ${numReferenced} referenced of ${numBlocks - 1} blocks`,
      );
    if (!(usage >= 0 && usage <= 1)) throw new Error(`usage ${usage}`);
  }

  /** Received = waiting + running + finished + aborted by the client, which alone ends without an output. */
  #checkRequests(): void {
    const { requests, running, waiting } = this.core.scheduler.state;
    if (running.length + waiting.length !== requests.size)
      throw new Error(
        `${requests.size} live, but ${running.length} run and ${waiting.length} wait`,
      );
    for (const id of requests.keys())
      if (!this.#open.has(id)) throw new Error(`${id} lives on after its end`);
    if (this.#open.size > requests.size)
      for (const id of [...this.#open.keys()])
        if (!requests.has(id)) {
          this.numAborted += 1;
          this.#end(id);
        }
    const { numReceived, numFinished, numAborted } = this;
    if (numReceived !== requests.size + numFinished + numAborted)
      throw new Error(
        `${numReceived} came, ${requests.size} live, ${numFinished} finished, ${numAborted} were aborted`,
      );
  }
}

function checkStats(stats: SchedulerStats): void {
  const { kvCacheUsage, prefixCacheStats, numRunningReqs, numWaitingReqs } = stats;
  if (!(kvCacheUsage >= 0 && kvCacheUsage <= 1)) throw new Error(`usage ${kvCacheUsage}`);
  if (prefixCacheStats.hits > prefixCacheStats.queries) throw new Error('more hits than queries');
  if (numRunningReqs < 0 || numWaitingReqs < 0)
    throw new Error(`${numRunningReqs} run, ${numWaitingReqs} wait`);
}
