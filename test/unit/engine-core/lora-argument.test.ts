import { describe, expect, it } from 'vitest';
import { toLoRARequest } from '../../../src/engine-core/lora-argument.ts';
import { loraArgument } from '../../../src/shared/protocol/lora-argument.ts';
import { wireCodec } from '../../support/wire-codec.ts';

/** `[0, 123456789012345, "add_lora", [LoRARequest("a", 1, "/p", base_model_name="m")]]`, by vLLM's MsgpackEncoder. */
const FROM_PYTHON = '9400cf00007048860ddf79a86164645f6c6f72619196a16101a22f70a16dc2c2';

const LORA = {
  loraName: 'a',
  loraIntId: 1,
  loraPath: '/p',
  baseModelName: 'm',
  loadInplace: false,
  is3dLoraWeight: false,
};

describe('the adapter of an add_lora call', () => {
  it('is read out of the bytes that vLLM writes, and written as those bytes', () => {
    const frames = [Uint8Array.of(3), Buffer.from(FROM_PYTHON, 'hex')];
    const input = wireCodec.decodeEngineInput(frames);
    if (input.type !== 'UTILITY') throw new Error('no utility call');
    expect(toLoRARequest(input.call.args[0])).toEqual(LORA);
    const call = { ...input.call, args: [loraArgument(LORA)] };
    const [, payload = new Uint8Array()] = wireCodec.encodeEngineInput({ type: 'UTILITY', call });
    expect(Buffer.from(payload).toString('hex')).toBe(FROM_PYTHON);
  });

  it('may end after the path and have fields that are not known', () => {
    expect(toLoRARequest(['a', 1, '/p'])).toEqual({ ...LORA, baseModelName: null });
    expect(toLoRARequest(['a', 1, '/p', null, false, true, 9])).toMatchObject({
      is3dLoraWeight: true,
    });
  });

  it.each([
    [{ lora_name: 'x' }, 'Expected `array`, got `object`'],
    [null, 'Expected `array`, got `null`'],
    ['x', 'Expected `array`, got `str`'],
    [['a'], 'Expected `array` of at least length 2, got 1'],
    [[1, 1, '/p'], 'Expected `str`, got `int` - at `$[0]`'],
    [['a', '1', '/p'], 'Expected `int`, got `str` - at `$[1]`'],
    [['a', 1.5, '/p'], 'Expected `int`, got `float` - at `$[1]`'],
    [['a', 1, '/p', 3], 'Expected `str | null`, got `int` - at `$[3]`'],
    [['a', 0, '/p'], 'id must be > 0, got 0'],
    [['a', 1, ''], 'lora_path cannot be empty'],
    [['a', 1], 'lora_path cannot be empty'],
  ])('%j is refused as msgspec does', (value, message) => {
    expect(() => toLoRARequest(value)).toThrow(message);
  });
});
