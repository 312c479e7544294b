import { describe, expect, it } from 'vitest';
import { crossDecode } from '../../../../../src/shared/protocol/compat/cross-decode.ts';
import {
  type MessageBreak,
  wireDifferences,
} from '../../../../../src/shared/protocol/compat/wire-differences.ts';
import { createEngineCoreRequest } from '../../../../../src/shared/protocol/defaults.ts';
import { WIRE_VERSIONS } from '../../../../../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../../../../../src/shared/protocol/wire-codec.ts';

type Version = keyof typeof WIRE_VERSIONS;

function breaksOf(engine: Version, frontend: Version): readonly MessageBreak[] {
  return wireDifferences(WIRE_VERSIONS[engine], WIRE_VERSIONS[frontend]).meetings[0].breaks;
}

function breakOf(engine: Version, frontend: Version, message: string): MessageBreak | undefined {
  return breaksOf(engine, frontend).find((found) => found.message === message);
}

describe('what breaks when two versions meet', () => {
  it('is nothing where they are the same', () => {
    for (const version of Object.keys(WIRE_VERSIONS) as Version[])
      expect(breaksOf(version, version)).toEqual([]);
  });

  it('is the start where an engine does not say what the frontend asks for', () => {
    expect(breakOf('0.28.0', '0.30.0', 'EngineCoreReadyResponse')?.rejected).toEqual([
      { when: null, words: 'Object missing required field `supports_lora`' },
    ]);
  });

  it('is each request with an adapter where its positions moved, both ways', () => {
    expect(breakOf('0.32.0', '0.31.0', 'ADD')?.rejected).toContainEqual({
      when: 'lora_request',
      words: 'Expected `bool`, got `None` - at `$[6][4]`',
    });
    expect(breakOf('0.31.0', '0.32.0', 'ADD')?.rejected).toContainEqual({
      when: 'lora_request',
      words: 'Expected `object | null`, got `bool` - at `$[6][4]`',
    });
  });

  it('is the call that loads an adapter, in the words that a real engine core of 0.31.0 said', () => {
    expect(breakOf('0.31.0', '0.33.0', 'UTILITY add_lora')?.rejected).toEqual([
      { when: null, words: 'Expected `object | null`, got `bool` - at `$[4]`' },
    ]);
    expect(breakOf('0.33.0', '0.31.0', 'UTILITY add_lora')?.rejected).toEqual([
      { when: null, words: 'Expected `bool`, got `null` - at `$[4]`' },
    ]);
  });

  it('is a parameter whose type changed', () => {
    expect(breakOf('0.31.0', '0.32.0', 'ADD')?.rejected).toContainEqual({
      when: 'sampling_params.prompt_logprob_token_ids',
      words: 'Expected `int`, got `str` - at `$[3].prompt_logprob_token_ids[0]`',
    });
    expect(breakOf('0.32.0', '0.31.0', 'ADD')?.rejected).toContainEqual({
      when: 'sampling_params.prompt_logprob_token_ids',
      words: 'not enough values to unpack (expected 3, got 1) - at `$[3].prompt_logprob_token_ids`',
    });
  });

  it('is a named tuple that grew: it may not be longer than it was', () => {
    expect(breakOf('0.30.0', '0.28.0', 'OUTPUT')?.rejected).toContainEqual({
      when: 'outputs[].new_prompt_logprobs_tensors',
      words: 'Expected `array` of length 3 to 4, got 5 - at `$[1][0][3]`',
    });
  });

  it('is what the other side has no field for', () => {
    const found = breakOf('0.33.0', '0.31.0', 'OUTPUT');
    expect(found).toMatchObject({ direction: 'engine_to_frontend', rejected: [], misread: [] });
    expect(found?.dropped).toEqual([
      'outputs[].error',
      'scheduler_stats.connector_prefix_cache_stats.hits_by_source',
      'scheduler_stats.num_kv_fetch_reqs_by_stage',
      'scheduler_stats.prefix_cache_stats.hits_by_source',
      'weight_version',
    ]);
  });
});

describe('a message of another version', () => {
  const versions = { sender: WIRE_VERSIONS['0.33.0'], receiver: WIRE_VERSIONS['0.33.0'] };
  const { encodeEngineInput } = createWireCodec(WIRE_VERSIONS['0.33.0']);
  const request = createEngineCoreRequest({ requestId: 'r', promptTokenIds: [1, 2] });
  const [type = new Uint8Array(), payload = new Uint8Array()] = encodeEngineInput({
    type: 'ADD',
    request,
  });

  it('is refused where its bytes end too early, or late', () => {
    expect(crossDecode('ADD', [type, payload.subarray(0, -1)], versions)).toMatchObject({
      verdict: 'rejected',
      error: 'DecodeError',
      words: 'Input data was truncated',
    });
    expect(crossDecode('ADD', [type, Buffer.concat([payload, payload])], versions)).toMatchObject({
      verdict: 'rejected',
      words: `MessagePack data is malformed: trailing characters (byte ${payload.length})`,
    });
  });

  it('loses fields that no version has a name for', () => {
    const longer = Buffer.concat([
      Uint8Array.of(0xdc, 0, 23),
      payload.subarray(3),
      Uint8Array.of(5),
    ]);
    expect(crossDecode('ADD', [type, longer], versions)).toEqual({
      verdict: 'fields_dropped',
      fields: [{ name: '[22]', path: '[22]', isInMap: false }],
    });
  });
});
