import { describe, expect, it } from 'vitest';
import { NO_FILTER, shownPairs } from '../../../../src/page/handshake/filters.ts';
import { lanesOf, stagesAfter } from '../../../../src/page/handshake/lanes.ts';
import type { FrameLine } from '../../../../src/shared/tap/frame-line.ts';
import { type FramePair, FramePairing } from '../../../../src/shared/tap/frame-pairing.ts';

type Given = Pick<FrameLine, 'process' | 'type' | 'peer'> & Partial<FrameLine>;

function pairsOf(...given: readonly Given[]): readonly FramePair[] {
  const pairing = new FramePairing();
  return given.flatMap((line, index) => {
    const { pair, isNew } = pairing.add({
      seq: index + 1,
      t_ms: index,
      socket: 'handshake',
      direction: 'receive',
      bytes: 10 + index,
      message: {},
      ...line,
    });
    return isNew ? [pair] : [];
  });
}
const hello = (peer: number): Given => ({ process: 'APIServer', type: 'HELLO', peer });
const ready = (peer: number): Given => ({ process: 'APIServer', type: 'READY', peer });

describe('lanes', () => {
  it('stand in the order frontend, coordinator, engines by rank, whoever process said something first', () => {
    const pairs = pairsOf(hello(10), hello(2), {
      process: 'DPCoordinator',
      type: 'COUNTS',
      peer: 0,
      socket: 'coordinator_output',
    });
    expect(lanesOf(pairs).map(({ name, engine }) => [name, engine])).toEqual([
      ['APIServer', null],
      ['DPCoordinator', null],
      ['EngineCore_DP0', 0],
      ['EngineCore_DP2', 2],
      ['EngineCore_DP10', 10],
    ]);
    expect(lanesOf(pairs).map(({ at }) => at)).toEqual([0.1, 0.3, 0.5, 0.7, 0.9]);
  });
});

describe('stages of engines', () => {
  const pairs = pairsOf(hello(0), hello(1), ready(1), ready(0));

  it('are told up to the row that the player stands at', () => {
    expect([...stagesAfter(pairs, 2)]).toEqual([
      [0, 'CONNECTED'],
      [1, 'READY'],
    ]);
    expect([...stagesAfter(pairs, 3)].map(([, stage]) => stage)).toEqual(['READY', 'READY']);
  });

  it('do not come from the READY of the coordinator', () => {
    const other = pairsOf({
      process: 'DPCoordinator',
      type: 'READY',
      peer: 0,
      socket: 'coordinator_input',
      direction: 'receive',
    });
    expect(stagesAfter(other, 0).get(0)).toBe('NEW');
  });
});

describe('the filter of frames', () => {
  const pairs = pairsOf(hello(0), ready(1), {
    process: 'APIServer',
    type: 'ADD',
    peer: 1,
    socket: 'input',
    direction: 'send',
    message: { request_id: 'cmpl-<b>' },
  });
  const typesOf = (shown: readonly FramePair[]): readonly string[] =>
    shown.map(({ line }) => line.type);

  it('lets the messages of a start-up through alone', () => {
    expect(typesOf(shownPairs(pairs, { ...NO_FILTER, isStartupOnly: true }))).toEqual([
      'HELLO',
      'READY',
    ]);
  });

  it('knows engine, type and any text of the message', () => {
    expect(typesOf(shownPairs(pairs, { ...NO_FILTER, engine: 1 }))).toEqual(['READY', 'ADD']);
    expect(typesOf(shownPairs(pairs, { ...NO_FILTER, type: 'HELLO' }))).toEqual(['HELLO']);
    expect(typesOf(shownPairs(pairs, { ...NO_FILTER, text: 'CMPL-<B' }))).toEqual(['ADD']);
  });
});
