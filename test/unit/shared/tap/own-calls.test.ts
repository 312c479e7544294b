import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../../src/shared/clock.ts';
import {
  createEngineCoreOutput,
  createEngineCoreOutputs,
} from '../../../../src/shared/protocol/defaults.ts';
import { Tap, type TappedSocket } from '../../../../src/shared/tap/tap.ts';
import { wireCodec } from '../../../support/wire-codec.ts';

const ROUTER: TappedSocket = { name: 'input', type: 'ROUTER', address: '', index: 0 };
const PULL: TappedSocket = { name: 'output', type: 'PULL', address: '', index: 0 };
const dealer = (index: number): TappedSocket => ({
  name: 'input',
  type: 'DEALER',
  address: '',
  index,
});
const push = (index: number): TappedSocket => ({
  name: 'output',
  type: 'PUSH',
  address: '',
  index,
});

const call = (method: string, callId: number | bigint, clientIndex = 0) =>
  wireCodec.encodeEngineInput({
    type: 'UTILITY',
    call: { clientIndex, callId, method, args: [] },
  });
const answer = (callId: number | bigint, engineIndex = 0, failureMessage: string | null = null) =>
  wireCodec.encodeEngineCoreOutputs(
    createEngineCoreOutputs({
      engineIndex,
      utilityOutput: { callId, failureMessage, result: null },
    }),
  );
const tokens = () =>
  wireCodec.encodeEngineCoreOutputs(
    createEngineCoreOutputs({
      outputs: [createEngineCoreOutput({ requestId: 'r', newTokenIds: [1] })],
    }),
  );

function bench() {
  const tap = new Tap({ clock: new VirtualClock(), process: 'APIServer' });
  const see = (socket: TappedSocket, parts: readonly Uint8Array[]): boolean => {
    const before = tap.numSeen;
    tap.record(socket, 'receive', null, parts);
    return tap.numSeen > before;
  };
  return { tap, see };
}

describe('calls of our own methods', () => {
  it('are not shown, nor are their answers', () => {
    const { see } = bench();
    expect(see(ROUTER, call('vllm_twin_blocks', 7))).toBe(false);
    expect(see(PULL, answer(7))).toBe(false);
    expect(see(PULL, answer(7)), 'answered already').toBe(true);
  });

  it('leave all other calls and answers shown', () => {
    const { see } = bench();
    expect(see(ROUTER, call('is_sleeping', 1))).toBe(true);
    expect(see(ROUTER, call('vllm_twin_blocks', 2))).toBe(false);
    expect(see(PULL, answer(1))).toBe(true);
    expect(see(PULL, tokens())).toBe(true);
    expect(see(PULL, answer(2))).toBe(false);
  });

  it.each([0, 1, 127, 128, 255, 256, 65_535])('are known in the answers of engine %i', (rank) => {
    const { see } = bench();
    see(ROUTER, call('vllm_twin_blocks', 3));
    expect(see(PULL, answer(3, rank))).toBe(false);
  });

  it('are known by ids of 64 bits and by a failure as well', () => {
    const { see } = bench();
    const id = 0xfedc_ba98_7654_3210n;
    see(ROUTER, call('vllm_twin_blocks', id));
    expect(see(PULL, answer(id, 0, "no method 'vllm_twin_blocks'"))).toBe(false);
  });

  it('of one API server do not hide the calls of another at the same engine', () => {
    const { see } = bench();
    expect(see(dealer(0), call('vllm_twin_blocks', 5, 0))).toBe(false);
    expect(see(dealer(1), call('is_sleeping', 5, 1))).toBe(true);
    expect(see(push(1), answer(5))).toBe(true);
    expect(see(push(0), answer(5))).toBe(false);
  });

  it('are known by the second of several API servers, which has one output socket', () => {
    const { see } = bench();
    see(ROUTER, call('vllm_twin_blocks', 5, 1));
    expect(see(PULL, answer(5))).toBe(false);
  });

  it('are not shown either where they begin the looking', () => {
    const { tap, see } = bench();
    for (let i = 0; i < 300; i++) see(PULL, tokens());
    const before = tap.numSeen;
    see(dealer(0), call('vllm_twin_frames', 9));
    tap.watchUntil(1_000);
    see(push(0), answer(9));
    expect(tap.numSeen).toBe(before);
    expect(tap.framesSince(256)).toEqual([]);
  });

  it('that nobody answers are forgotten, the oldest first', () => {
    const { see } = bench();
    for (let id = 1; id <= 1_025; id++) see(ROUTER, call('vllm_twin_blocks', id));
    expect(see(PULL, answer(1))).toBe(true);
    expect(see(PULL, answer(2))).toBe(false);
    expect(see(PULL, answer(1_025))).toBe(false);
  });

  it('cannot be told in what is no message, which is shown', () => {
    const { see } = bench();
    see(ROUTER, call('vllm_twin_blocks', 1));
    for (const hex of [[''], ['03'], ['03', '94'], ['03', 'c1']])
      expect(
        see(
          ROUTER,
          hex.map((text) => Buffer.from(text, 'hex')),
        ),
      ).toBe(true);
    for (const hex of ['', '95', '950090', '9500900000', '950090c0c091'])
      expect(see(PULL, [Buffer.from(hex, 'hex')])).toBe(true);
    expect(see(PULL, [])).toBe(true);
    expect(see(PULL, answer(1))).toBe(false);
  });
});
