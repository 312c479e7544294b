import { describe, expect, it } from 'vitest';
import { CpuTier } from '../../../../src/engine-core/kv-transfer/offloading/cpu-tier.ts';

describe('CpuTier', () => {
  it('has what was stored once it is written', () => {
    const tier = new CpuTier(4);
    expect(tier.prepareStore(['a', 'b'])).toEqual({ stored: ['a', 'b'], evicted: [] });
    expect(tier.lookUp('a')).toBe('pending');
    tier.completeStore(['a', 'b']);
    expect(['a', 'b', 'c'].map((key) => tier.lookUp(key))).toEqual(['hit', 'hit', 'miss']);
  });

  it('lets the least recently used go first', () => {
    const tier = new CpuTier(2);
    tier.prepareStore(['a', 'b']);
    tier.completeStore(['a', 'b']);
    tier.touch(['a']);
    expect(tier.prepareStore(['c'])?.evicted).toEqual(['b']);
  });

  it('keeps what is read or written, and says that there is no room', () => {
    const tier = new CpuTier(2);
    tier.prepareStore(['a', 'b']);
    tier.completeStore(['a']);
    tier.prepareLoad(['a']);
    expect(tier.usage).toEqual({ writing: 0.5, reading: 0.5 });
    expect(tier.prepareStore(['c'])).toBeNull();
    tier.completeLoad(['a']);
    expect(tier.prepareStore(['c'])?.evicted).toEqual(['a']);
  });
});
