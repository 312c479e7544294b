import { describe, expect, it } from 'vitest';
import { EngineRegistry } from '../../../../src/frontend/engine-client/engine-registry.ts';
import { StartupError } from '../../../../src/shared/errors.ts';
import { createReadyResponse } from '../../../support/ready-response.ts';

describe('the registry of engines', () => {
  it('is complete with the last rank, in whatever order they report', async () => {
    const registry = new EngineRegistry([0, 1]);
    let isTold = false;
    const told = registry.whenComplete.then(() => {
      isTold = true;
    });
    registry.add(1, createReadyResponse({ blockSize: 32 }));
    await new Promise((resolve) => setImmediate(resolve));
    expect([isTold, registry.isComplete, registry.missingRanks]).toEqual([false, false, [0]]);
    registry.add(0, createReadyResponse({ blockSize: 16 }));
    await told;
    expect([registry.isComplete, registry.missingRanks]).toEqual([true, []]);
    expect([...registry.enginesByArrival.keys()]).toEqual([1, 0]);
    expect([...registry.engines].map(([rank, { blockSize }]) => [rank, blockSize])).toEqual([
      [0, 16],
      [1, 32],
    ]);
  });

  it('refuses a rank that is not expected, and a second answer', () => {
    const registry = new EngineRegistry([0]);
    const codeAndText = (rank: number) => {
      try {
        registry.add(rank, createReadyResponse());
      } catch (error) {
        if (error instanceof StartupError) return [error.code, error.message];
      }
      return [];
    };
    expect(codeAndText(1)).toEqual([
      'E_HANDSHAKE',
      'Ready response from engine with unexpected data parallel rank: 1',
    ]);
    expect(codeAndText(0)).toEqual([]);
    expect(codeAndText(0)).toEqual(['E_HANDSHAKE', 'Second ready response from engine 0']);
  });

  it('tells a failed start to whoever asks, also afterwards, and bothers nobody else', async () => {
    const registry = new EngineRegistry([0]);
    registry.fail(new StartupError('E_HANDSHAKE', 'no'));
    // A rejection that nobody looked at would be reported in this turn.
    await new Promise((resolve) => setImmediate(resolve));
    await expect(registry.whenComplete).rejects.toThrow('no');
  });
});
