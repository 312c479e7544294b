import { describe, expect, it } from 'vitest';
import type {
  BackendContext,
  BackendRequest,
} from '../../../../../src/capacity/models/attention/backend.ts';
import {
  selectBackend,
  sharedLayouts,
} from '../../../../../src/capacity/models/attention/select.ts';

/** 32 query heads and 8 key heads on a GPU of this capability, changed by `changes`. */
function on(major: number, changes: Partial<BackendContext> = {}): BackendContext {
  return {
    capability: { major, minor: 0 },
    userBlockSize: null,
    decodeContextParallelSize: 1,
    modelHeadSize: 128,
    modelNumHeads: 32,
    modelNumKvHeads: 8,
    runCacheDtype: 'auto',
    hasLogitSoftcap: false,
    isMmPrefixLm: false,
    flashAttnVersion: null,
    forcedBackend: null,
    mla: null,
    ...changes,
  };
}

function select(context: BackendContext, changes: Partial<BackendRequest> = {}) {
  return selectBackend(
    {
      headSize: 128,
      dtype: 'bfloat16',
      cacheDtype: 'auto',
      useMla: false,
      hasSink: false,
      useSparse: false,
      useMmPrefix: false,
      attnType: 'decoder',
      hasSlidingWindow: false,
      numHeads: null,
      ...changes,
    },
    context,
  );
}

describe('FlashInfer', () => {
  it('takes pages up to 1,024 tokens on Blackwell, where queries are grouped', () => {
    const grouped = on(10);
    const backend = select(grouped);
    expect(backend.name).toBe('FLASHINFER');
    expect(backend.kernelBlockSizes(null, grouped)).toEqual([16, 32, 64, 128, 256, 512, 1024]);
  });

  it('stays with pages of 64 where each query head has its own keys', () => {
    const single = on(10, { modelNumHeads: 8 });
    expect(select(single).kernelBlockSizes(null, single)).toEqual([16, 32, 64]);
    const uneven = on(10, { modelNumHeads: 20 });
    expect(select(uneven).kernelBlockSizes(null, uneven)).toEqual([16, 32, 64]);
  });

  it('stays with pages of 64 off Blackwell', () => {
    const hopper = on(9, { forcedBackend: 'FLASHINFER' });
    expect(select(hopper).kernelBlockSizes(null, hopper)).toEqual([16, 32, 64]);
  });

  it('serves attention sinks on Blackwell, with blocks outermost or layers', () => {
    const context = on(10);
    const backend = select(context, { hasSink: true, headSize: 64 });
    expect(backend.name).toBe('FLASHINFER');
    expect(sharedLayouts([backend], context)).toEqual(['LBHNC', 'BLHNC']);
  });

  it('serves sinks on Hopper when asked, but not on Ampere', () => {
    const forced = { forcedBackend: 'FLASHINFER' };
    expect(select(on(9, forced), { hasSink: true }).name).toBe('FLASHINFER');
    expect(() => select(on(8, forced), { hasSink: true })).toThrow('attention sinks not supported');
  });

  it('keeps an NVFP4 cache away from sinks off Blackwell', () => {
    const nvfp4 = { cacheDtype: 'nvfp4', hasSink: true };
    expect(select(on(10), nvfp4).name).toBe('FLASHINFER');
    expect(() => select(on(12, { forcedBackend: 'FLASHINFER' }), nvfp4)).toThrow(
      'the sink prefill wrapper cannot read an NVFP4 KV cache',
    );
  });
});

describe('FlashAttention', () => {
  it('comes first on Hopper and Ampere', () => {
    expect([8, 9].map((major) => select(on(major)).name)).toEqual(['FLASH_ATTN', 'FLASH_ATTN']);
  });
});
