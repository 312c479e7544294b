import { expect, it } from 'vitest';
import { readInit, readInput } from '../../../src/conform/frontend/read-leniently.ts';
import {
  createEngineCoreRequest,
  createSamplingParams,
} from '../../../src/shared/protocol/defaults.ts';
import { WIRE_VERSIONS } from '../../../src/shared/protocol/versions/wire-versions.ts';
import type { Frame } from '../../../src/shared/transport/transport.ts';
import { VLLM_VERSION } from '../../../src/shared/version.ts';
import { wireCodec } from '../../support/wire-codec.ts';

const { tables } = WIRE_VERSIONS[VLLM_VERSION];

function withByteBehind(frames: readonly Frame[]): readonly Frame[] {
  return frames.map((frame, index) =>
    index === frames.length - 1 ? Buffer.concat([frame, Buffer.of(0xc0)]) : frame,
  );
}

it('a request that the tables refuse has its fields all the same, and the reason', () => {
  const request = createEngineCoreRequest({
    requestId: 'a',
    promptTokenIds: [1, 2],
    priority: 7,
    samplingParams: createSamplingParams({ maxTokens: 3, temperature: 0.5 }),
  });
  const frames = withByteBehind(wireCodec.encodeEngineInput({ type: 'ADD', request }));
  const { value, problem } = readInput(wireCodec, tables, frames);
  expect(problem).toMatch(/the end of the frame/);
  expect(value).toMatchObject({
    type: 'ADD',
    request: {
      requestId: 'a',
      promptTokenIds: [1, 2],
      priority: 7,
      samplingParams: { maxTokens: 3, temperature: 0.5 },
    },
  });
});

it('an abort and a call that the tables refuse can be answered', () => {
  const abort = wireCodec.encodeEngineInput({ type: 'ABORT', requestIds: ['a'] });
  expect(readInput(wireCodec, tables, withByteBehind(abort)).value).toEqual({
    type: 'ABORT',
    requestIds: ['a'],
  });
  const call = { clientIndex: 0, callId: 2n ** 62n, method: 'is_sleeping', args: [] };
  const utility = wireCodec.encodeEngineInput({ type: 'UTILITY', call });
  expect(readInput(wireCodec, tables, withByteBehind(utility)).value).toEqual({
    type: 'UTILITY',
    call,
  });
});

it('of what is no message nothing is made', () => {
  for (const frames of [[], [Buffer.of(0)], [Buffer.of(0), Buffer.from('x')], [Buffer.of(9)]]) {
    const { value, problem } = readInput(wireCodec, tables, frames);
    expect([value, problem]).toEqual([null, expect.any(String)]);
  }
  expect(readInit(wireCodec, [Buffer.from('no msgpack')]).value).toBeNull();
  expect(readInit(wireCodec, [Buffer.of(0x80)]).value).toBeNull();
});
