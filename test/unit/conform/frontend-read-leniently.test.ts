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

/** Short texts and maps of them, as msgpack. */
function packed(value: string | object): Buffer {
  if (typeof value === 'string')
    return Buffer.concat([Buffer.of(0xa0 + value.length), Buffer.from(value)]);
  const entries = Object.entries(value) as [string, string | object][];
  return Buffer.concat([
    Buffer.of(0x80 + entries.length),
    ...entries.flatMap(([key, inside]) => [packed(key), packed(inside)]),
  ]);
}

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

it('a request by names, a number as text and one id alone are what was meant', () => {
  const add = [Buffer.of(0), packed({ request_id: 'a', sampling_params: { max_tokens: '7' } })];
  expect(readInput(wireCodec, tables, add)).toMatchObject({
    value: { type: 'ADD', request: { requestId: 'a', samplingParams: { maxTokens: 7 } } },
    problem: expect.any(String),
  });
  expect(readInput(wireCodec, tables, [Buffer.of(1), packed('a')])).toEqual({
    value: { type: 'ABORT', requestIds: ['a'] },
    problem: expect.any(String),
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
