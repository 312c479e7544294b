import { describe, expect, it } from 'vitest';
import {
  getBlockSize,
  getDpStatsAddress,
  getEffectiveAttentionBlockSize,
  getMinMaxModelLen,
  getTotalNumGpuBlocks,
  type ReadyEngines,
} from '../../../../src/frontend/engine-client/ready-engines.ts';
import type { EngineCoreReadyResponse } from '../../../../src/shared/protocol/ready-response.ts';
import { createReadyResponse } from '../../../support/ready-response.ts';

function engines(...responses: readonly Partial<EngineCoreReadyResponse>[]): ReadyEngines {
  return new Map(responses.map((fields, rank) => [rank, createReadyResponse(fields)]));
}

describe('what is said of all engines together', () => {
  it('is the sum of their blocks, and none of none', () => {
    expect(getTotalNumGpuBlocks(engines({ numGpuBlocks: 3 }, { numGpuBlocks: 4 }))).toBe(7);
    expect(getTotalNumGpuBlocks(new Map())).toBe(0);
  });

  it('is the longest request that each of them takes', () => {
    expect(getMinMaxModelLen(engines({ maxModelLen: 30 }, { maxModelLen: 20 }))).toBe(20);
    expect(() => getMinMaxModelLen(new Map())).toThrow('no engine is ready');
  });

  it('is the smallest block size', () => {
    expect(getBlockSize(engines({ blockSize: 32 }, { blockSize: 16 }))).toBe(16);
    expect(() => getBlockSize(new Map())).toThrow('no engine is ready');
  });

  it('is the effective attention block size only where they agree', () => {
    const sizes = (...of: readonly (number | null)[]) =>
      getEffectiveAttentionBlockSize(
        engines(...of.map((effectiveAttentionBlockSize) => ({ effectiveAttentionBlockSize }))),
      );
    expect(sizes(16, 16)).toBe(16);
    expect(sizes(16, 32)).toBeNull();
    expect(sizes(16, null)).toBeNull();
    expect(sizes(null, null)).toBeNull();
    expect(sizes()).toBeNull();
  });

  it('is the one coordinator that those who know one name', () => {
    const address = (...of: readonly (string | null)[]) =>
      getDpStatsAddress(engines(...of.map((dpStatsAddress) => ({ dpStatsAddress }))));
    expect(address(null, null)).toBeNull();
    expect(address(null, 'tcp://a', 'tcp://a', null)).toBe('tcp://a');
    expect(() => address('tcp://a', null, 'tcp://b')).toThrow(
      expect.objectContaining({
        code: 'E_HANDSHAKE',
        message: 'Engine 2 names the coordinator at tcp://b, an earlier engine at tcp://a',
      }),
    );
  });
});
