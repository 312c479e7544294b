/** Drafts change when tokens come, never which: every token source says the same with and without them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  NO_SPECULATION,
  speculationConfigOf,
} from '../../src/engine-core/scheduler/speculation-config.ts';
import { Prng } from '../../src/shared/prng.ts';
import { createTestEngine, createTestRequest, type GroupName } from '../support/engine.ts';

const MAX_MODEL_LEN = 128;
const MAX_STEPS = 3_000;

interface Workload {
  readonly seed: number;
  readonly numDrafts: number;
  readonly acceptance: number;
  readonly isAsync: boolean;
  readonly budget: number;
  readonly numBlocks: number;
  readonly groups: readonly GroupName[];
  readonly numRequests: number;
}

const workload: fc.Arbitrary<Workload> = fc.record({
  seed: fc.nat(),
  numDrafts: fc.integer({ min: 1, max: 7 }),
  acceptance: fc.constantFrom(0, 0.3, 0.7, 1),
  isAsync: fc.boolean(),
  budget: fc.constantFrom(32, 2048),
  numBlocks: fc.integer({ min: 24, max: 80 }),
  groups: fc.constantFrom<readonly GroupName[]>(['full'], ['window'], ['full', 'window']),
  numRequests: fc.integer({ min: 1, max: 8 }),
});

type Source = 'rule' | 'echo' | 'random' | 'corpus';

/** What each request was told, and how it ended, by id. */
function run(options: Workload, tokenSource: Source, withDrafts: boolean) {
  const { numDrafts, acceptance } = options;
  const { core, clock } = createTestEngine({
    groups: options.groups,
    numBlocks: options.numBlocks,
    maxConcurrentBatches: options.isAsync ? 2 : 1,
    scheduler: { maxNumBatchedTokens: options.budget, maxModelLen: MAX_MODEL_LEN },
    tokenSource,
    seed: options.seed,
    ...(withDrafts
      ? {
          drafts: {
            speculation: speculationConfigOf({
              ...NO_SPECULATION,
              method: 'draft_model',
              numSpecTokens: numDrafts,
              disableLookaheadBlockHashes: true,
              parallelDrafting: false,
              schedule: null,
              maxNumSeqs: 16,
            }),
            rates: Array.from({ length: numDrafts }, (_, i) => acceptance ** (i + 1)),
          },
        }
      : {}),
  });
  const prng = new Prng(options.seed);
  for (let i = 0; i < options.numRequests; i += 1) {
    const numPromptTokens = 1 + prng.nextBelow(60);
    const maxTokens = 1 + prng.nextBelow(MAX_MODEL_LEN - numPromptTokens);
    const request = createTestRequest({
      requestId: `r${i}`,
      promptTokenIds: Array.from({ length: numPromptTokens }, () => 3 + prng.nextBelow(900)),
      arrivalTime: i,
      sampling: { maxTokens, minTokens: prng.nextBelow(4), temperature: 0 },
    });
    core.handleInput({ type: 'ADD', request });
  }
  const answers = new Map<string, { tokens: number[]; finishReason: number | null }>();
  for (let step = 0; core.hasWork(); step += 1) {
    if (step > MAX_STEPS) throw new Error('the engine never gets done');
    clock.advance(core.beginStep());
    core.finishStep();
    core.scheduler.state.kvCacheManager.checkInvariants();
    for (const { outputs } of core.takeOutputs()) {
      for (const { requestId, newTokenIds, finishReason } of outputs.outputs) {
        const answer = answers.get(requestId) ?? { tokens: [], finishReason: null };
        answer.tokens.push(...newTokenIds);
        answer.finishReason = finishReason;
        answers.set(requestId, answer);
      }
    }
  }
  const { kvCacheManager } = core.scheduler.state;
  expect(kvCacheManager.numFreeBlocks).toBe(kvCacheManager.numBlocks - 1);
  return Object.fromEntries(answers);
}

describe('drafts', () => {
  it.each<Source>(['rule', 'echo', 'random', 'corpus'])('change no token of %s', (source) => {
    fc.assert(
      fc.property(workload, (options) => {
        expect(run(options, source, true)).toEqual(run(options, source, false));
      }),
      { numRuns: 40 },
    );
  });
});
