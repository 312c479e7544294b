import { describe, expect, it } from 'vitest';
import { ServerError } from '../../../../src/shared/errors.ts';
import {
  createEngineCoreOutput,
  createEngineCoreOutputs,
  createEngineCoreRequest,
  createSamplingParams,
} from '../../../../src/shared/protocol/defaults.ts';
import {
  engineIndexFromIdentity,
  identityFromEngineIndex,
} from '../../../../src/shared/protocol/identity.ts';
import { packableUntyped, packBytes } from '../../../../src/shared/protocol/msgpack-writer.ts';
import { createReadyResponse } from '../../../support/ready-response.ts';
import { wireCodec } from '../../../support/wire-codec.ts';

const {
  decodeCoordinatorUpdate,
  decodeEngineCoreOutputs,
  decodeEngineInput,
  decodeHandshakeMessage,
  decodeReadyResponse,
  decodeFrontendNotice,
  decodeSubscription,
  encodeEngineCoreOutputs,
  encodeEngineInput,
  encodeFrontendNotice,
  isCoordinatorReady,
} = wireCodec;

const frame = (value: unknown): Uint8Array => packBytes(packableUntyped(value));
const ADD = Uint8Array.of(0);

function messageOf(decode: () => unknown): string {
  try {
    decode();
  } catch (error) {
    expect(error).toBeInstanceOf(ServerError);
    expect((error as ServerError).code).toBe('E_BAD_FRAME');
    return (error as ServerError).message;
  }
  throw new Error('decoded');
}

describe('a bad frame', () => {
  it('is reported with struct, field, expected and got', () => {
    const output = ['r', [1], null, null, null, 9];
    expect(messageOf(() => decodeEngineCoreOutputs([frame([0, [output]])]))).toBe(
      'EngineCoreOutput.finish_reason: expected one of 0, 1, 2, 3, 4, got 9 ' +
        '(in an engine output, EngineCoreOutputs.outputs[0])',
    );
    const params = { temperature: 'hot' };
    const request = ['r', [1], null, params, null, 1.5, null, null, null];
    expect(messageOf(() => decodeEngineInput([ADD, frame(request)]))).toBe(
      'SamplingParams.temperature: expected a float, got a str ' +
        '(in an engine input, EngineCoreRequest.sampling_params)',
    );
  });

  it('is a float where an int belongs, a bool where an int belongs, null where none may be', () => {
    expect(messageOf(() => decodeEngineCoreOutputs([frame([0.5])]))).toMatch(
      /^EngineCoreOutputs.engine_index: expected an int, got a float/,
    );
    expect(messageOf(() => decodeEngineCoreOutputs([frame([true])]))).toMatch(
      /engine_index: expected an int, got a bool/,
    );
    expect(messageOf(() => decodeEngineCoreOutputs([frame([0, null])]))).toMatch(
      /outputs: expected an array of EngineCoreOutput, got null/,
    );
  });

  it('lacks required elements or fields', () => {
    expect(messageOf(() => decodeEngineInput([ADD, frame(['r'])]))).toMatch(
      /^EngineCoreRequest: expected an array of at least 9 elements, got 1/,
    );
    expect(messageOf(() => decodeHandshakeMessage([frame({ status: 'HELLO' })]))).toMatch(
      /^HandshakeMessage: expected the required field local, headless, got a map without it/,
    );
    expect(messageOf(() => decodeReadyResponse([frame({})]))).toMatch(/max_model_len/);
  });

  it('is not a value that is impossible only by its meaning: msgspec checks types alone', () => {
    const response = createReadyResponse({ numGpuBlocks: -3, maxModelLen: 0 });
    expect(decodeReadyResponse(wireCodec.encodeReadyResponse(response))).toEqual(response);
  });

  it('is of an unknown type, or has the wrong number of frames', () => {
    expect(messageOf(() => decodeEngineInput([Uint8Array.of(7), frame([])]))).toMatch(
      /expected a request type of 0 to 3, got 7/,
    );
    expect(messageOf(() => decodeEngineInput([ADD]))).toMatch(/expected a type frame/);
    expect(messageOf(() => decodeEngineInput([Uint8Array.of(0, 0), frame([])]))).toMatch(/1 byte/);
    expect(messageOf(() => decodeCoordinatorUpdate([]))).toMatch(/expected 1 frame, got 0/);
    expect(messageOf(() => decodeHandshakeMessage([frame({}), frame({})]))).toMatch(/got 2/);
  });

  it('has more behind its end', () => {
    const [whole] = encodeEngineCoreOutputs(createEngineCoreOutputs());
    const longer = Buffer.concat([whole as Uint8Array, Buffer.of(0xc0)]);
    expect(messageOf(() => decodeEngineCoreOutputs([longer]))).toMatch(
      /expected the end of the frame, got 1 more bytes/,
    );
  });

  it('points to an auxiliary frame that is not there, or of another size', () => {
    const withData = (data: unknown): Uint8Array[] => [
      frame([0, [['r', [1], [['<i4', [1, 2], data], null, null]]]]),
      Buffer.alloc(7),
    ];
    expect(messageOf(() => decodeEngineCoreOutputs(withData(2)))).toMatch(
      /expected the index of one of 1 auxiliary frames, got 2/,
    );
    expect(messageOf(() => decodeEngineCoreOutputs(withData(0)))).toMatch(/got 0/);
    expect(messageOf(() => decodeEngineCoreOutputs(withData(1)))).toMatch(
      /expected 8 bytes for <i4 of shape \[1, 2\], got 7 bytes/,
    );
    expect(messageOf(() => decodeEngineCoreOutputs(withData('x')))).toMatch(/extension value/);
  });

  it('carries pickled types in a utility result', () => {
    const utility = [7, null, [['builtins', 'int'], 5]];
    expect(messageOf(() => decodeEngineCoreOutputs([frame([0, [], null, 1.5, utility])]))).toMatch(
      /UtilityOutput.result: expected no type information/,
    );
  });

  it('names a status that no handshake has', () => {
    const message = { status: 'BYE', local: true, headless: false };
    expect(messageOf(() => decodeHandshakeMessage([frame(message)]))).toMatch(
      /HandshakeMessage.status: expected HELLO or READY, got "BYE"/,
    );
  });

  it('has a list of integers beyond 2^53 for a key: it is read as its text, or refused as any key', () => {
    // {[2**60]: 1} where a map is, and where a struct's fields are.
    const map = '8191cf1000000000000000';
    const replayed = Buffer.from(`${map}01`, 'hex');
    expect(messageOf(() => decodeHandshakeMessage([replayed]))).toMatch(/HELLO or READY/);
    const call = Buffer.from(`940001a16191${map}01`, 'hex');
    expect(decodeEngineInput([Uint8Array.of(3), call])).toMatchObject({
      call: { args: [{ '["1152921504606846976"]': 1 }] },
    });
  });

  it('is text that is not UTF-8', () => {
    const bytes = Buffer.from('92a4616161ffc0', 'hex');
    expect(messageOf(() => decodeEngineInput([Uint8Array.of(1), bytes]))).toMatch(
      /ABORT\[0\]: expected a str in UTF-8/,
    );
  });
});

describe('decoding as msgspec does', () => {
  it('gives the missing tail of a shorter array its defaults and ignores a longer one', () => {
    const shorter = ['r', [1], null, null, null, 1, null, null, null];
    const expected = createEngineCoreRequest({
      requestId: 'r',
      promptTokenIds: [1],
      arrivalTime: 1,
    });
    expect(decodeEngineInput([ADD, frame(shorter)])).toEqual({ type: 'ADD', request: expected });
    const [, whole] = encodeEngineInput({ type: 'ADD', request: expected });
    const longer = Buffer.concat([
      Buffer.from('dc0018', 'hex'),
      (whole as Uint8Array).subarray(3),
      frame({ x: [1] }),
      frame(2),
    ]);
    expect(decodeEngineInput([ADD, longer])).toEqual({ type: 'ADD', request: expected });
  });

  it('ignores unknown keys and takes fields in any order', () => {
    const message = { headless: true, surprise: { deep: [1, 2] }, local: false, status: 'READY' };
    expect(decodeHandshakeMessage([frame(message)])).toEqual({
      status: 'READY',
      local: false,
      headless: true,
    });
  });

  it('takes an integer for a float, and headers wider than needed', () => {
    const params = Buffer.from('df00000001db0000000b74656d706572617475726502', 'hex');
    const head = Buffer.from('99a17291 01c0'.replace(' ', ''), 'hex');
    const tail = Buffer.from('c001c0c0c0', 'hex');
    const decoded = decodeEngineInput([ADD, Buffer.concat([head, params, tail])]);
    expect(decoded).toEqual({
      type: 'ADD',
      request: createEngineCoreRequest({
        requestId: 'r',
        promptTokenIds: [1],
        samplingParams: createSamplingParams({ temperature: 2 }),
        arrivalTime: 1,
      }),
    });
  });

  it('keeps a 64-bit call id exactly', () => {
    const callId = 2n ** 64n - 3n;
    const input = {
      type: 'UTILITY',
      call: { clientIndex: 0, callId, method: 'is_sleeping', args: [] },
    } as const;
    expect(decodeEngineInput(encodeEngineInput(input))).toEqual(input);
  });

  it('keeps a key named __proto__ as a key', () => {
    const args = [JSON.parse('{"__proto__": {"polluted": true}}') as unknown];
    const input = {
      type: 'UTILITY',
      call: { clientIndex: 0, callId: 1, method: 'm', args },
    } as const;
    const decoded = decodeEngineInput(encodeEngineInput(input));
    expect(JSON.stringify(decoded)).toBe(JSON.stringify(input));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('encoding as msgspec does', () => {
  it('always writes all positional fields', () => {
    const output = createEngineCoreOutput({ requestId: 'r1', newTokenIds: [7] });
    const [bytes] = encodeEngineCoreOutputs(
      createEngineCoreOutputs({ outputs: [output], timestamp: 12345.75 }),
    );
    expect(Buffer.from(bytes as Uint8Array).toString('hex')).toBe(
      '990091dc0013a272319107c0c0c0c0c0c0c0c0c0c0c000c0c0c0c0c0c0cb40c81ce000000000c0c0c0c0c0',
    );
  });

  it('refuses what no frame can say', () => {
    const output = createEngineCoreOutput({ requestId: 'r1', newTokenIds: [1.5] });
    expect(() => encodeEngineCoreOutputs(createEngineCoreOutputs({ outputs: [output] }))).toThrow(
      /not an integer/,
    );
  });
});

describe('the other frames', () => {
  it('tell engines by two bytes', () => {
    for (const index of [0, 1, 127, 128, 255, 256, 65_535]) {
      expect(engineIndexFromIdentity(identityFromEngineIndex(index))).toBe(index);
    }
    expect([...identityFromEngineIndex(300)]).toEqual([44, 1]);
    expect(messageOf(() => engineIndexFromIdentity(Buffer.from('abc')))).toMatch(
      /identity: expected 2 bytes, got 3/,
    );
    expect(() => identityFromEngineIndex(65_536)).toThrow(/out of range/);
  });

  it('are subscriptions and the READY of the coordinator', () => {
    expect(decodeSubscription([Uint8Array.of(1)])).toBe(true);
    expect(decodeSubscription([Uint8Array.of(0)])).toBe(false);
    expect(decodeSubscription([Uint8Array.of(1, 2)])).toBeNull();
    expect(isCoordinatorReady([Buffer.from('READY')])).toBe(true);
    expect(isCoordinatorReady([Buffer.from('READY!')])).toBe(false);
    const firstRequest = [Buffer.from('92c402010003', 'hex')];
    const notice = decodeFrontendNotice(firstRequest);
    expect(notice).toMatchObject({ type: 'FIRST_REQ', wave: 3 });
    expect(encodeFrontendNotice(notice).map(Buffer.from)).toEqual(firstRequest);
    expect(messageOf(() => decodeFrontendNotice([frame(['GROW', 3])]))).toMatch(
      /SCALE_ELASTIC_EP: expected SCALE_ELASTIC_EP, got 'GROW'/,
    );
  });
});

describe('START_DP_WAVE', () => {
  // By index; by identity, as coordinators before 0.33.0 pass it on; and none.
  it.each([
    ['920301', 1],
    ['9203c4020100', Uint8Array.of(1, 0)],
    ['9203c0', null],
  ])('%s leaves out %s', (hex, excludeEngineIndex) => {
    const frames = [Uint8Array.of(2), Buffer.from(hex, 'hex')];
    const input = decodeEngineInput(frames);
    expect(input).toMatchObject({ type: 'START_DP_WAVE', wave: 3 });
    const left = input.type === 'START_DP_WAVE' ? input.excludeEngineIndex : null;
    expect(left instanceof Uint8Array ? Uint8Array.from(left) : left).toEqual(excludeEngineIndex);
    expect(encodeEngineInput(input).map((frame) => Buffer.from(frame).toString('hex'))).toEqual([
      '02',
      hex,
    ]);
  });
});

describe('a ready response with changed fields', () => {
  const { encodeChangedReadyResponse, encodeReadyResponse, decodeReadyResponse } = wireCodec;
  const response = createReadyResponse();
  const change = (...changes: Parameters<typeof encodeChangedReadyResponse>[1]) =>
    encodeChangedReadyResponse(response, changes);

  it('is the same without changes', () => {
    expect(change()).toEqual(encodeReadyResponse(response));
  });

  it('has what was asked for, and the rest as it was', () => {
    expect(decodeReadyResponse(change({ field: 'num_gpu_blocks', value: 7 }))).toEqual({
      ...response,
      numGpuBlocks: 7,
    });
    const changed = change(
      { field: 'kv_cache_size_tokens', drop: true },
      { field: 'dtype', value: 'x' },
    );
    expect(decodeReadyResponse(changed)).toEqual({
      ...response,
      kvCacheSizeTokens: null,
      dtype: 'x',
    });
  });

  it.each([
    ['dropped', { field: 'max_model_len', drop: true } as const, /required field max_model_len/],
    ['nil', { field: 'max_model_len', value: null }, /max_model_len: expected an int/],
    ['a text', { field: 'max_model_len', value: 'long' }, /max_model_len: expected an int/],
    ['a fraction', { field: 'max_model_len', value: 1.5 }, /max_model_len: expected an int/],
    ['a map', { field: 'dtype', value: { a: [1, null] } }, /dtype: expected a str/],
  ])('cannot be decoded where one is %s that must not be', (_, one, message) => {
    expect(() => decodeReadyResponse(change(one))).toThrow(message);
  });
});

describe('a priority', () => {
  it.each([2 ** 53, 2 ** 63, -(2 ** 63), -1])('of 64 bits passes: %d', (priority) => {
    const request = { ...createEngineCoreRequest(), priority };
    const sent = encodeEngineInput({ type: 'ADD', request });
    expect(decodeEngineInput(sent)).toMatchObject({ request: { priority } });
  });
});
