import { describe, expect, it } from 'vitest';
import { loadModelPlan } from '../../../src/capacity/file/load-model-plan.ts';
import { modelOptionsOf } from '../../../src/capacity/models/options-of-args.ts';
import { AcceptanceDrafter } from '../../../src/engine-core/executor/acceptance-drafter.ts';
import { NgramDrafter } from '../../../src/engine-core/executor/ngram-drafter.ts';
import {
  NO_SPECULATION,
  type SpeculationConfig,
} from '../../../src/engine-core/scheduler/speculation-config.ts';
import { drafterOf, schedulerSpeculationOf } from '../../../src/engine-core/speculation-setup.ts';
import { defaultEngineArgs, type EngineArgs } from '../../../src/shared/config/registry.ts';

function setUp(speculativeConfig: EngineArgs['speculativeConfig'], more: Partial<EngineArgs> = {}) {
  const args = { ...defaultEngineArgs(), model: 'Qwen/Qwen3-8B', speculativeConfig, ...more };
  const model = loadModelPlan(modelOptionsOf(args));
  return {
    config: schedulerSpeculationOf(args, model),
    drafter: drafterOf(args, model, 4096),
    isAsync: model.input.config.asyncScheduling,
  };
}

describe('what --speculative-config makes of an engine', () => {
  it('is nothing where it is not given', () => {
    const { config, drafter } = setUp(null);
    expect(config).toEqual(NO_SPECULATION);
    expect(drafter).toBeNull();
  });

  it.each([
    [{ method: 'ngram', num_speculative_tokens: 3 }, {}, NgramDrafter],
    [{ method: 'ngram_gpu', num_speculative_tokens: 3 }, {}, NgramDrafter],
    [{ method: 'ngram', num_speculative_tokens: 3 }, { specAcceptance: '0.5' }, AcceptanceDrafter],
    [
      {
        method: 'ngram',
        num_speculative_tokens: 2,
        rejection_sample_method: 'synthetic',
        synthetic_acceptance_length: 2,
      },
      {},
      AcceptanceDrafter,
    ],
    [{ method: 'suffix' }, {}, AcceptanceDrafter],
  ])('%j %j drafts', (speculativeConfig, more, Drafter) => {
    expect(setUp(speculativeConfig, more).drafter).toBeInstanceOf(Drafter);
  });

  it.each<[Record<string, unknown>, Partial<SpeculationConfig>]>([
    [
      { method: 'ngram', num_speculative_tokens: 3 },
      { numSpecTokens: 3, numLookaheadTokens: 0 },
    ],
    [{ method: 'suffix' }, { numSpecTokens: 24 }],
    [
      { method: 'suffix', suffix_decoding_max_tree_depth: 8 },
      { numSpecTokens: 8, dynamicLookup: null },
    ],
  ])('%j is scheduled as', (speculativeConfig, expected) => {
    expect(setUp(speculativeConfig).config).toMatchObject(expected);
  });

  it('takes drafts by batch size, but not with data parallelism', () => {
    const speculativeConfig = {
      method: 'ngram',
      num_speculative_tokens: 3,
      num_speculative_tokens_per_batch_size: [
        [1, 4, 3],
        [5, 64, 1],
      ],
    };
    expect(setUp(speculativeConfig).config.dynamicLookup?.slice(1, 7)).toEqual([3, 3, 3, 3, 1, 1]);
    expect(setUp(speculativeConfig, { dataParallelSize: 2 }).config.dynamicLookup).toBeNull();
  });

  it.each([
    [{ method: 'ngram', num_speculative_tokens: 3 }, true],
    [{ method: 'suffix' }, false],
  ])('%j runs with async scheduling: %s', (speculativeConfig, isAsync) => {
    expect(setUp(speculativeConfig).isAsync).toBe(isAsync);
  });

  it.each([
    [
      { method: 'suffix' },
      { asyncScheduling: true },
      'Async scheduling is not supported by the V1 model runner with suffix-based speculative decoding.',
    ],
    [
      { method: 'suffix', suffix_decoding_min_token_prob: 2 },
      {},
      'suffix_decoding_min_token_prob=2 must be in [0, 1]',
    ],
    [
      {
        method: 'ngram',
        num_speculative_tokens: 3,
        num_speculative_tokens_per_batch_size: [[2, 4, 1]],
      },
      {},
      'The first batch-size range must start at 1',
    ],
    [
      {
        method: 'ngram',
        num_speculative_tokens: 3,
        num_speculative_tokens_per_batch_size: [
          [1, 4, 1],
          [4, 8, 1],
        ],
      },
      {},
      'Batch-size ranges must be non-overlapping and sorted.',
    ],
    [
      { method: 'ngram', num_speculative_tokens: 3, num_speculative_tokens_per_batch_size: [[1]] },
      {},
      'Each num_speculative_tokens_per_batch_size entry must be a 3-item sequence',
    ],
  ])('%j %j is refused', (speculativeConfig, more, words) => {
    expect(() => setUp(speculativeConfig, more)).toThrow(words);
  });
});
