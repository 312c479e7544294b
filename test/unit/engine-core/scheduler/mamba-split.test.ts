import { describe, expect, it } from 'vitest';
import { NO_DRAFT_CACHING } from '../../../../src/engine-core/kv-cache/draft-caching.ts';
import {
  createMambaSplit,
  MambaSplit,
  type MambaSplitOptions,
} from '../../../../src/engine-core/scheduler/mamba-split.ts';
import { Request } from '../../../../src/engine-core/scheduler/request.ts';
import { createTestRequest } from '../../../support/engine.ts';
import { createGroup, type GroupRecord } from '../../../support/kv-cache.ts';

/** Tokens of a chunk that begins at `start` and would have `want` tokens; the prompt has 100, a state block 32. */
function clip(
  {
    start = 0,
    want = 100,
    hit = 0,
    prompt = 100,
    outputs = 0,
    junction = 0,
  }: {
    start?: number;
    want?: number;
    hit?: number;
    prompt?: number;
    outputs?: number;
    junction?: number;
  },
  options: Partial<MambaSplitOptions> = {},
): number {
  const request = new Request(createTestRequest({ numPromptTokens: prompt }));
  request.allTokenIds.push(...new Array(outputs).fill(7));
  request.numComputedTokens = start;
  request.sharedPrefixBoundary = junction;
  return new MambaSplit({
    cacheBlockSize: 32,
    schedulerBlockSize: 32,
    hashBlockSize: 32,
    draftCaching: NO_DRAFT_CACHING,
    partialCacheHit: false,
    hasPrefillCheckpointBlocks: false,
    prefillCheckpointAlignment: null,
    maxPrefillTokens: 2048,
    ...options,
  }).clip(request, want, hit);
}

describe('a prefill chunk', () => {
  it('ends on a block boundary where it does not reach the end of the prompt', () => {
    expect(clip({ want: 70 })).toBe(64);
    expect(clip({ start: 32, want: 40 })).toBe(32);
  });

  it('is none where it does not reach a boundary', () => {
    expect(clip({ want: 20 })).toBe(0);
  });

  it('is as it was where no chunk can reach a boundary', () => {
    expect(clip({ want: 20 }, { maxPrefillTokens: 20 })).toBe(20);
  });

  it('that reaches the end stops at the last state that can be resumed', () => {
    expect(clip({ want: 100 })).toBe(96);
    expect(clip({ start: 96, want: 4 })).toBe(4);
    expect(clip({ want: 96, prompt: 96 })).toBe(64);
  });

  it('counts on from the prefix hit', () => {
    expect(clip({ hit: 32, want: 68 })).toBe(64);
  });

  it('goes to the next boundary first where it begins between two', () => {
    expect(clip({ start: 40, want: 60 })).toBe(24);
  });

  it('is left alone once the prompt is computed', () => {
    expect(clip({ start: 100, want: 1, outputs: 1 })).toBe(1);
    expect(clip({ start: 110, want: 1, outputs: 11 })).toBe(1);
  });

  it('stops where a prefix that others share ends', () => {
    expect(clip({ want: 100, junction: 64 })).toBe(64);
    expect(clip({ want: 100, junction: 70 })).toBe(64);
    expect(clip({ want: 100, junction: 20 })).toBe(96);
    expect(clip({ start: 64, want: 36, junction: 64 })).toBe(32);
  });

  it('stops at the last hash inside a block where hits may end there', () => {
    const fine = { partialCacheHit: true, hashBlockSize: 8, schedulerBlockSize: 32 };

    expect(clip({ prompt: 110, want: 110 }, fine)).toBe(96);
    expect(clip({ prompt: 110, start: 96, want: 14 }, fine)).toBe(8);
    expect(clip({ prompt: 110, start: 104, want: 6 }, fine)).toBe(6);
  });

  it('that saves the state inside itself need not stop for it', () => {
    const saving = { hasPrefillCheckpointBlocks: true, prefillCheckpointAlignment: 32 };

    expect(clip({ want: 100 }, saving)).toBe(100);
    expect(clip({ want: 70 }, saving)).toBe(64);
    expect(clip({ want: 100 }, { ...saving, prefillCheckpointAlignment: 64 })).toBe(96);
  });
});

describe('the splitter', () => {
  const create = (groups: readonly GroupRecord[], mambaAlign = true) =>
    createMambaSplit(
      { numBlocks: 10, groups: groups.map(createGroup) },
      {
        mambaAlign,
        cacheBlockSize: 32,
        schedulerBlockSize: 32,
        hashBlockSize: 32,
        draftCaching: NO_DRAFT_CACHING,
        partialCacheHit: false,
        maxPrefillTokens: 2048,
      },
    );
  const full: GroupRecord = { kind: 'full_attention' };
  const mamba: GroupRecord = { kind: 'mamba', mode: 'align', block_size: 32 };
  const saving: GroupRecord = { ...mamba, ckpt: 1, ckpt_align: 32 };
  const chunkOf = (groups: readonly GroupRecord[]) =>
    create(groups)?.clip(new Request(createTestRequest({ numPromptTokens: 100 })), 100, 0);

  it('is there for models with states that are kept at boundaries', () => {
    expect(create([full, mamba])).toBeInstanceOf(MambaSplit);
    expect(create([full])).toBeNull();
    expect(create([full, mamba], false)).toBeNull();
  });

  it('counts on states inside a chunk only where every group saves them', () => {
    expect(chunkOf([full, saving])).toBe(100);
    expect(chunkOf([full, mamba])).toBe(96);
    expect(chunkOf([saving, mamba])).toBe(96);
  });
});
