import { describe, expect, it } from 'vitest';
import { createSpec } from '../../../../src/capacity/spec/create-spec.ts';
import { pageSizeBytes } from '../../../../src/capacity/spec/spec-size.ts';
import { SpecTable } from '../../../../src/capacity/spec/spec-table.ts';

const HEADS = { blockSize: 16, numKvHeads: 2, headSize: 64, dtype: 'bfloat16' };

describe('createSpec', () => {
  it('gives values the width of keys, and a latent cache none', () => {
    expect(createSpec({ kind: 'full_attention', ...HEADS }).headSizeV).toBe(64);
    expect(createSpec({ kind: 'mla_attention', ...HEADS }).headSizeV).toBe(0);
    expect(createSpec({ kind: 'full_attention', ...HEADS, headSizeV: 32 }).headSizeV).toBe(32);
  });

  it('shards attention but not states by decode-context parallelism', () => {
    expect(createSpec({ kind: 'rswa', ...HEADS, rswaWindow: 8 }).dcpSharded).toBe(true);
    const state = createSpec({ kind: 'mamba', blockSize: 16, shapes: [], dtypes: [] });
    expect(state.dcpSharded).toBe(false);
  });

  it('pads a page to its alignment, and leaves one that is aligned alone', () => {
    const page = 16 * 2 * 64 * 2;
    const padded = createSpec({ kind: 'mla_attention', ...HEADS, alignment: 576 });
    expect(pageSizeBytes(padded)).toBe(Math.ceil(page / 576) * 576);
    const aligned = createSpec({ kind: 'mla_attention', ...HEADS, alignment: 1024 });
    expect(aligned.pageSizePadded).toBeNull();
  });
});

describe('SpecTable', () => {
  it('keeps one object for equal specs, in order of first use', () => {
    const table = new SpecTable();
    const first = createSpec({ kind: 'full_attention', ...HEADS });
    const other = createSpec({ kind: 'full_attention', ...HEADS, blockSize: 32 });
    const again = createSpec({ kind: 'full_attention', ...HEADS });
    expect([first, other, again].map((spec) => table.indexOf(spec))).toEqual([0, 1, 0]);
    expect(table.intern(again)).toBe(first);
  });

  it("keeps a draft's layers apart, which equality does not", () => {
    const table = new SpecTable();
    const target = createSpec({ kind: 'full_attention', ...HEADS });
    expect(table.indexOf(target)).not.toBe(table.indexOf({ ...target, isDraft: true }));
  });
});
