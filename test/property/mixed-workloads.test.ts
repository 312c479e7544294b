/**
 * Drafts, a KV connector, grammars, aborts and preemptions at once: blocks and requests are conserved after every step, each
 * request ends once, and what it is told is what it would have been told by an engine that has none of them.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KVTransferOptions } from '../../src/engine-core/scheduler/kv-transfer.ts';
import {
  NO_SPECULATION,
  speculationConfigOf,
} from '../../src/engine-core/scheduler/speculation-config.ts';
import { Prng } from '../../src/shared/prng.ts';
import type { EngineCoreRequest, SamplingParams } from '../../src/shared/protocol/request.ts';
import { EngineChecker } from '../support/checkers/engine-checker.ts';
import { compileGrammars } from '../support/compile-grammars.ts';
import { createTestEngine, createTestRequest, type GroupName } from '../support/engine.ts';
import { RandomConnector } from '../support/random-connector.ts';

const MAX_MODEL_LEN = 160;
const MAX_STEPS = 5_000;

type Source = 'rule' | 'echo' | 'random' | 'corpus';

interface Workload {
  readonly seed: number;
  readonly groups: readonly GroupName[];
  readonly source: Source;
  readonly numDrafts: number;
  readonly isAsync: boolean;
  readonly budget: number;
  readonly numSpareBlocks: number;
  readonly numRequests: number;
  readonly aborts: boolean;
  readonly preempts: boolean;
  readonly loadsFail: boolean;
}

const workload: fc.Arbitrary<Workload> = fc.record({
  seed: fc.nat(),
  groups: fc.constantFrom<readonly GroupName[]>(['full'], ['window'], ['mla'], ['full', 'window']),
  source: fc.constantFrom<Source>('rule', 'echo', 'random', 'corpus'),
  numDrafts: fc.constantFrom(0, 1, 3, 5),
  isAsync: fc.boolean(),
  budget: fc.constantFrom(48, 96, 2048),
  numSpareBlocks: fc.integer({ min: 0, max: 40 }),
  numRequests: fc.integer({ min: 1, max: 10 }),
  aborts: fc.boolean(),
  preempts: fc.boolean(),
  loadsFail: fc.boolean(),
});

const CONSTRAINTS: readonly NonNullable<SamplingParams['structuredOutputs']>[] = [
  { regex: '[0-9]{3}-[a-z]{4,9}' },
  { choice: ['Positive', 'Negative'] },
  { json: { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] } },
];

function requestsOf({ seed, numRequests }: Workload): EngineCoreRequest[] {
  const prng = new Prng(seed);
  const tokens = (count: number) => Array.from({ length: count }, () => 3 + prng.nextBelow(900));
  const prefix = tokens(48);
  return Array.from({ length: numRequests }, (_, i) => {
    const own = tokens(1 + prng.nextBelow(50));
    const promptTokenIds = prng.nextFloat() < 0.5 ? [...prefix, ...own] : own;
    const constraint = CONSTRAINTS[prng.nextBelow(CONSTRAINTS.length * 2)];
    const maxTokens = 1 + prng.nextBelow(MAX_MODEL_LEN - promptTokenIds.length);
    return createTestRequest({
      requestId: `r${i}`,
      promptTokenIds,
      arrivalTime: i,
      sampling: {
        maxTokens,
        temperature: 0,
        ...(constraint === undefined ? {} : { structuredOutputs: constraint }),
      },
    });
  });
}

interface Answer {
  readonly tokens: number[];
  readonly finishReasons: number[];
}

/** A plain engine: room for all, nothing drafted, nothing loaded, grammars at once. */
function runPlain(options: Workload): Map<string, Answer> {
  return run(options, {
    extras: {},
    numBlocks: 400,
    between: (checker) => compileGrammars(checker.core),
  });
}

function runMixed(options: Workload): Map<string, Answer> {
  const { groups, numDrafts, seed, isAsync } = options;
  const prng = new Prng(seed + 1);
  // A block that was to be loaded in a step and was not, while the next step runs already, costs a token in vLLM too.
  const failing = isAsync || groups.length > 1 ? 'requests' : 'blocks';
  const kvTransfer: KVTransferOptions = {
    connector: new RandomConnector({ seed, failing: options.loadsFail ? failing : 'never' }),
    role: 'kv_both',
    loadFailurePolicy: 'recompute',
  };
  const speculation = speculationConfigOf({
    ...NO_SPECULATION,
    method: 'draft_model',
    numSpecTokens: numDrafts,
    disableLookaheadBlockHashes: true,
    parallelDrafting: false,
    schedule: null,
    maxNumSeqs: 16,
  });
  const rates = Array.from({ length: numDrafts }, (_, i) => 0.7 ** (i + 1));
  return run(options, {
    extras: { kvTransfer, ...(numDrafts === 0 ? {} : { drafts: { speculation, rates } }) },
    numBlocks: 4 + groups.length * (Math.ceil(MAX_MODEL_LEN / 16) + 4) + options.numSpareBlocks,
    between(checker, isSettled) {
      if (isSettled || prng.nextFloat() < 0.4) compileGrammars(checker.core);
      if (isSettled) return;
      if (options.aborts && prng.nextFloat() < 0.05) {
        const requestIds = [`r${prng.nextBelow(options.numRequests)}`];
        checker.input({ type: 'ABORT', requestIds });
      }
      if (options.preempts && prng.nextFloat() < 0.05) checker.core.parts.faults.preempt(1);
    },
  });
}

/** Steps after which nothing else happens to the engine, so that every request gets done. */
const SETTLED_AFTER = 300;

function run(
  options: Workload,
  mode: {
    readonly extras: Partial<Parameters<typeof createTestEngine>[0]>;
    readonly numBlocks: number;
    readonly between: (checker: EngineChecker, isSettled: boolean) => void;
  },
): Map<string, Answer> {
  const { core } = createTestEngine({
    groups: options.groups,
    numBlocks: mode.numBlocks,
    maxConcurrentBatches: options.isAsync ? 2 : 1,
    scheduler: { maxNumBatchedTokens: options.budget, maxModelLen: MAX_MODEL_LEN },
    tokenSource: options.source,
    seed: options.seed,
    ...mode.extras,
  });
  const checker = new EngineChecker(core, { keepsLog: true });
  const requests = requestsOf(options);
  for (let step = 0; requests.length > 0 || core.hasWork(); step += 1) {
    if (step > MAX_STEPS) throw new Error('the engine never gets done');
    const request = step % 3 === 0 ? requests.shift() : undefined;
    if (request !== undefined) checker.input({ type: 'ADD', request });
    mode.between(checker, step > SETTLED_AFTER);
    checker.step();
  }
  const { kvCacheManager } = core.scheduler.state;
  expect(kvCacheManager.numFreeBlocks).toBe(kvCacheManager.numBlocks - 1);
  return answersOf(checker);
}

function answersOf(checker: EngineChecker): Map<string, Answer> {
  const answers = new Map<string, Answer>();
  for (const { outputs } of checker.log as { outputs: readonly Output[] }[]) {
    for (const { requestId, newTokenIds, finishReason } of outputs) {
      const answer = answers.get(requestId) ?? { tokens: [], finishReasons: [] };
      answer.tokens.push(...newTokenIds);
      if (finishReason !== null) answer.finishReasons.push(finishReason);
      answers.set(requestId, answer);
    }
  }
  return answers;
}

interface Output {
  readonly requestId: string;
  readonly newTokenIds: readonly number[];
  readonly finishReason: number | null;
}

describe('drafts, loads, grammars, aborts and preemptions together', () => {
  it('change no token, and end each request once', () => {
    fc.assert(
      fc.property(workload, (options) => {
        const plain = runPlain(options);
        const mixed = runMixed(options);
        for (const [id, { tokens, finishReasons }] of plain) {
          const answer = mixed.get(id) ?? { tokens: [], finishReasons: [] };
          const hasEnded = answer.finishReasons.length > 0;
          if (!options.aborts) expect(hasEnded, id).toBe(true);
          // The client that aborts makes its own last output, so the engine's have none.
          expect(answer, id).toEqual(
            hasEnded
              ? { tokens, finishReasons }
              : { tokens: tokens.slice(0, answer.tokens.length), finishReasons: [] },
          );
        }
      }),
      { numRuns: 150 },
    );
  });
});
