import { describe, expect, it } from 'vitest';
import {
  getMambaPrefillCheckpointPosition,
  isMambaPrefillCheckpointValid,
} from '../../../../../src/engine-core/kv-cache/managers/mamba-checkpoint.ts';

describe('where a prefill leaves a state', () => {
  it.each([
    [0, 0],
    [1, 0],
    [16, 0],
    [17, 16],
    [32, 16],
    [33, 32],
  ])('of %i tokens in hashes of 16: at %i, before the last token', (numTokens, position) => {
    expect(getMambaPrefillCheckpointPosition(numTokens, 16)).toBe(position);
  });
});

describe('a state inside a chunk', () => {
  const isValid = (query: Partial<Parameters<typeof isMambaPrefillCheckpointValid>[0]> = {}) =>
    isMambaPrefillCheckpointValid({
      queryStart: 16,
      queryEnd: 100,
      checkpointPosition: 80,
      hashBlockSize: 16,
      mambaBlockSize: 32,
      checkpointAlignment: 64,
      ...query,
    });

  it('can be saved where everything is aligned', () => {
    expect(isValid()).toBe(true);
  });

  it('cannot where the backend saves none', () => {
    expect(isValid({ checkpointAlignment: null })).toBe(false);
  });

  it('cannot where the chunk begins inside a hash', () => {
    expect(isValid({ queryStart: 24, checkpointPosition: 88 })).toBe(false);
  });

  it('lies a hash at least behind the start', () => {
    expect(isValid({ checkpointAlignment: 8, checkpointPosition: 24 })).toBe(false);
    expect(isValid({ checkpointAlignment: 8, checkpointPosition: 32 })).toBe(true);
  });

  it('lies before the end', () => {
    expect(isValid({ checkpointAlignment: 16, checkpointPosition: 96 })).toBe(true);
    expect(isValid({ checkpointAlignment: 16, queryEnd: 97, checkpointPosition: 96 })).toBe(true);
    expect(isValid({ checkpointAlignment: 16, queryEnd: 96, checkpointPosition: 96 })).toBe(false);
  });

  it('lies a multiple of the backend’s alignment behind the start', () => {
    expect(isValid({ checkpointPosition: 64 })).toBe(false);
  });

  it('needs a block of its own between the first and the last of the chunk', () => {
    const query = { queryStart: 32, checkpointPosition: 48, checkpointAlignment: 16 };

    expect(isValid({ ...query, queryEnd: 64 })).toBe(false);
    expect(isValid({ ...query, queryEnd: 65 })).toBe(true);
    expect(isValid({ ...query, queryStart: 0, checkpointPosition: 32, queryEnd: 64 })).toBe(true);
    expect(isValid({ ...query, queryStart: 48, checkpointPosition: 80, queryEnd: 96 })).toBe(false);
  });

  it('has a positive alignment', () => {
    expect(() => isValid({ checkpointAlignment: 0 })).toThrow('a checkpoint alignment of 0');
  });
});
