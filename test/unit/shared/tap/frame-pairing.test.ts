import { describe, expect, it } from 'vitest';
import type { FrameLine } from '../../../../src/shared/tap/frame-line.ts';
import { FramePairing } from '../../../../src/shared/tap/frame-pairing.ts';

function pairUp(...lines: readonly Omit<FrameLine, 'seq' | 't_ms' | 'message'>[]) {
  const pairing = new FramePairing();
  const pairs = lines.flatMap((line, index) => {
    const { pair, isNew } = pairing.add({ seq: index, t_ms: index, message: {}, ...line });
    return isNew ? [pair] : [];
  });
  return pairs.map(({ line, from, to, sent, received }) => ({
    what: `${line.type} from ${from} to ${to}`,
    isWhole: sent !== null && received !== null,
  }));
}
const input = { socket: 'input', bytes: 50 } as const;

describe('the two records of a message', () => {
  it('are one arrow, whichever of them comes first', () => {
    const sent = { ...input, process: 'EngineCore_DP1', direction: 'send', peer: null } as const;
    const got = { ...input, process: 'APIServer', direction: 'receive', peer: 1 } as const;
    const type = 'EngineCoreReadyResponse';
    const whole = [{ what: `${type} from EngineCore_DP1 to APIServer`, isWhole: true }];
    expect(pairUp({ ...sent, type }, { ...got, type })).toEqual(whole);
    expect(pairUp({ ...got, type }, { ...sent, type })).toEqual(whole);
  });

  it('are told apart by engine where two engines say the same', () => {
    const got = { ...input, process: 'APIServer', direction: 'receive', type: 'HELLO' } as const;
    const said = { ...input, direction: 'send', type: 'HELLO', peer: null } as const;
    const pairs = pairUp(
      { ...said, process: 'EngineCore_DP0' },
      { ...got, peer: 1 },
      { ...said, process: 'EngineCore_DP1' },
      { ...got, peer: 0 },
    );
    expect(pairs).toEqual([
      { what: 'HELLO from EngineCore_DP0 to APIServer', isWhole: true },
      { what: 'HELLO from EngineCore_DP1 to APIServer', isWhole: true },
    ]);
  });

  it('are an arrow from rank to rank in the group of ranks', () => {
    const group = { socket: 'dp_group', type: 'DP_GROUP', bytes: 1 } as const;
    const first = { ...group, process: 'EngineCore_DP0', peer: 1 } as const;
    const second = { ...group, process: 'EngineCore_DP1', peer: null } as const;
    const pairs = pairUp(
      { ...second, direction: 'send' },
      { ...first, direction: 'receive' },
      { ...first, direction: 'send' },
      { ...second, direction: 'receive' },
    );
    expect(pairs).toEqual([
      { what: 'DP_GROUP from EngineCore_DP1 to EngineCore_DP0', isWhole: true },
      { what: 'DP_GROUP from EngineCore_DP0 to EngineCore_DP1', isWhole: true },
    ]);
  });

  it('stand alone where the other side recorded nothing', () => {
    const [pair] = pairUp({
      ...input,
      process: 'APIServer',
      direction: 'send',
      peer: 3,
      type: 'ADD',
    });
    expect(pair).toEqual({ what: 'ADD from APIServer to EngineCore_DP3', isWhole: false });
  });
});
