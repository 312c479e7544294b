import { describe, expect, it } from 'vitest';
import {
  blocksFormula,
  groupingReason,
  specLabel,
} from '../../../../src/capacity/explain/explanation-words.ts';
import { createSpec } from '../../../../src/capacity/spec/create-spec.ts';
import {
  createFullSpec,
  createPlannerConfig,
  createSlidingSpec,
} from '../../../support/capacity-input.ts';

const HEADS = { blockSize: 16, numKvHeads: 8, headSize: 128, dtype: 'bfloat16' };
const LIMITS = createPlannerConfig({ maxModelLen: 131072 });
const STATE = { kind: 'mamba', blockSize: 16, shapes: [[4, 4]], dtypes: ['bfloat16'] } as const;

describe('specLabel', () => {
  it('tells window, chunk and kind of state', () => {
    expect([
      specLabel(createFullSpec()),
      specLabel(createSlidingSpec(1024)),
      specLabel(createSpec({ kind: 'chunked_local_attention', ...HEADS, attentionChunkSize: 8 })),
      specLabel(createSpec({ kind: 'rswa', ...HEADS, rswaWindow: 128 })),
      specLabel(createSpec({ ...STATE, mambaType: 'gdn_attn' })),
      specLabel(createSpec({ kind: 'cross_attention', ...HEADS })),
    ]).toEqual([
      'full_attention',
      'sliding_window(1024)',
      'chunked_local_attention(8)',
      'rswa(128)',
      'mamba(gdn_attn)',
      'cross_attention',
    ]);
  });

  it('keeps the window of a layer that counts as full attention', () => {
    expect(specLabel(createFullSpec({ slidingWindow: 64 }))).toBe('full_attention[window 64]');
    expect(specLabel(createFullSpec({ attentionChunkSize: 32 }))).toBe('full_attention[chunk 32]');
  });
});

describe('blocksFormula', () => {
  it('holds the whole length with full attention, its share of it when sharded', () => {
    expect(blocksFormula(createFullSpec(), LIMITS)).toBe('ceil(131,072 / 16)');
    const sharded = { ...LIMITS, decodeContextParallelSize: 4 };
    expect(blocksFormula(createFullSpec(), sharded)).toBe('ceil(ceil(131,072 / 4) / 16)');
  });

  it('holds window and tokens in flight with a window', () => {
    const spec = { ...createSlidingSpec(1024), extraRetainedTokens: 2 };
    expect(blocksFormula(spec, LIMITS)).toBe('ceil(min(1,024 - 1 + 2 + 16,384, 131,072) / 16) + 1');
  });

  it('counts states, speculative ones and, where aligned, checkpoints', () => {
    const spec = createSpec({ ...STATE, numSpeculativeBlocks: 3, numPrefillCheckpointBlocks: 1 });
    expect(blocksFormula(spec, LIMITS)).toBe('1 state + 3 speculative');
    expect(blocksFormula(spec, { ...LIMITS, mambaCacheMode: 'align' })).toBe(
      '2 states + 3 speculative + 1 checkpoint',
    );
  });

  it('counts encoder tokens and rings', () => {
    expect(blocksFormula(createSpec({ kind: 'cross_attention', ...HEADS }), LIMITS)).toBe(
      'ceil(8,192 encoder tokens / 16)',
    );
    expect(blocksFormula(createSpec({ kind: 'circular_buffer', ...HEADS }), LIMITS)).toBe(
      'one ring',
    );
  });
});

describe('groupingReason', () => {
  const layer = {
    label: 'full_attention',
    kind: 'full_attention',
    num_layers: 3,
    dtype: 'bfloat16',
    block_size: 16,
    page_size_bytes: 65536,
    is_draft: false,
  };
  const facts = {
    layers: [layer],
    groups: [],
    layout: 'BLHNC',
    disableHybridKvCacheManager: false,
  };

  it('speaks of one layer and of several', () => {
    expect(groupingReason('one_spec', facts)).toBe(
      'All 3 layers have the same spec: one block table serves them all.',
    );
    const one = { ...facts, layers: [{ ...layer, num_layers: 1 }] };
    expect(groupingReason('one_spec', one)).toBe(
      'The only layer has the same spec: one block table serves it.',
    );
  });

  it('names the layout where pages lie side by side', () => {
    expect(groupingReason('packed', facts)).toContain('the layout BLHNC has blocks outermost');
  });

  it('adds that the hybrid manager is off, where there is anything to manage', () => {
    const off = { ...facts, disableHybridKvCacheManager: true };
    expect(groupingReason('one_spec', off)).toContain('The hybrid KV cache manager is off');
    expect(groupingReason('no_layers', off)).toBe(
      'The model keeps no KV cache, so there is nothing to group.',
    );
  });
});
