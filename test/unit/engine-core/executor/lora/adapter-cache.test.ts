import { describe, expect, it } from 'vitest';
import { WorkerCallError } from '../../../../../src/engine-core/executor/worker-call-error.ts';
import { createTestAdapters } from '../../../../support/engine.ts';

const lora = (loraIntId: number, loadInplace = false) => ({
  loraName: `lora-${loraIntId}`,
  loraIntId,
  loraPath: '/lora',
  baseModelName: null,
  loadInplace,
  is3dLoraWeight: false,
});

describe('AdapterCache', () => {
  it('loads what is not there, and in place what is', () => {
    const loaded: number[] = [];
    const cache = createTestAdapters({ load: ({ loraIntId }) => loaded.push(loraIntId) });
    for (const adapter of [lora(1), lora(1), lora(1, true), lora(2)]) cache.add(adapter);
    expect([loaded, cache.list()]).toEqual([
      [1, 1, 2],
      [1, 2],
    ]);
  });

  it('evicts nobody for an adapter that cannot be loaded, nor forgets the one it was to replace', () => {
    const cache = createTestAdapters({
      maxLoras: 1,
      maxCpuLoras: 1,
      load: ({ loraIntId, loadInplace }) => {
        if (loraIntId === 2 || loadInplace) throw new WorkerCallError('no');
      },
    });
    cache.add(lora(1));
    expect(() => cache.add(lora(2))).toThrow('no');
    expect(() => cache.add(lora(1, true))).toThrow('no');
    expect(cache.list()).toEqual([1]);
  });

  it('takes no other adapter to the GPU where all of its places are pinned', () => {
    const cache = createTestAdapters({ maxLoras: 1, maxCpuLoras: 3 });
    cache.add(lora(1));
    cache.pin(1);
    expect(() => cache.add(lora(2))).toThrow('All items are pinned');
    cache.remove(1);
    expect(cache.add(lora(2))).toBe(true);
  });

  it('brings to the GPU what is pinned', () => {
    const cache = createTestAdapters({ maxLoras: 1, maxCpuLoras: 2 });
    for (const id of [1, 2]) cache.add(lora(id));
    expect(cache.pin(1)).toBe(true);
    expect(() => cache.add(lora(2))).toThrow('All items are pinned');
  });
});
