import { describe, expect, it } from 'vitest';
import {
  elementsOf,
  jsonArray,
  jsonFloat32,
  jsonFloat64,
  tensorBytes,
} from '../../../../../src/frontend/openai/pooling/tensors.ts';
import type { NdArray } from '../../../../../src/shared/protocol/outputs.ts';

const float32 = (...values: number[]): NdArray => ({
  dtype: 'float32',
  shape: [values.length],
  data: new Uint8Array(Float32Array.from(values).buffer),
});

const bytesOf = (values: number[], embed_dtype: 'float16' | 'bfloat16' | 'fp8_e4m3' | 'fp8_e5m2') =>
  tensorBytes(float32(...values), { embed_dtype, endianness: 'native' }).toString('hex');

describe('the elements of a result', () => {
  it('are read wherever they stand in a message', () => {
    const whole = Buffer.from([0, ...float32(1, -2.5).data, 0]);
    const data = whole.subarray(1, 9);
    expect([...elementsOf({ dtype: 'float32', shape: [2], data })]).toEqual([1, -2.5]);
  });

  it('are read in the type that the head has', () => {
    const of = (dtype: string, ...data: number[]) =>
      [...elementsOf({ dtype, shape: [1], data: Uint8Array.from(data) })][0];
    expect(of('bfloat16', 0xc0, 0x3f)).toBe(1.5);
    expect(of('float16', 0x00, 0x3e)).toBe(1.5);
    expect(of('float16', 0x01, 0x00)).toBe(2 ** -24);
    expect(of('float64', 0, 0, 0, 0, 0, 0, 0xf8, 0x3f)).toBe(1.5);
    expect(() => of('int32', 0, 0, 0, 0)).toThrow('pooling_output of type int32');
  });
});

describe('the bytes of a vector', () => {
  // Made by torch 2.14: torch.tensor([...]).to(dtype).view(torch.uint8).
  it.each([
    ['float16', [1, -0.1, 65504, 70000, 1e-8, 0.333251953125], '003c66aeff7b007c00005535'],
    ['bfloat16', [1, -0.1, 3.4e38, 1.00390625, 1e-40], '803fcdbd807f803f0100'],
    [
      'fp8_e4m3',
      [1, -0.1, 448, 0.0009765625, 0.07, 1.0625],
      '38 9d 7e 00 19 38'.replaceAll(' ', ''),
    ],
    ['fp8_e5m2', [1, -0.1, 57344, 1e-5, 0.07], '3c ae 7b 01 2c'.replaceAll(' ', '')],
  ] as const)('are those of torch in %s', (dtype, values, expected) => {
    expect(bytesOf([...values], dtype)).toBe(expected);
  });

  it('stand in the order that is asked for', () => {
    const of = (endianness: 'native' | 'big' | 'little') =>
      tensorBytes(float32(1), { embed_dtype: 'float32', endianness }).toString('hex');
    expect([of('native'), of('little'), of('big')]).toEqual(['0000803f', '0000803f', '3f800000']);
  });
});

describe('the numbers of an answer', () => {
  it('have the shortest digits that make a float32 again', () => {
    const texts = [0.1, 1 / 3, 1e-7, 16777216, -0.5, 1.5e10, Number.NaN];
    expect(texts.map((value) => jsonFloat32(Math.fround(value)))).toEqual([
      '0.1',
      '0.33333334',
      '1e-7',
      '16777216.0',
      '-0.5',
      '15000000000.0',
      'null',
    ]);
  });

  it('of a Python float are as orjson writes them', () => {
    expect([0.1, 2, 0.00001, 0.0000012, 1e16, Number.POSITIVE_INFINITY].map(jsonFloat64)).toEqual([
      '0.1',
      '2.0',
      '0.00001',
      '1.2e-6',
      '1e+16',
      'null',
    ]);
  });

  it('are a list, or a list of rows', () => {
    expect(jsonArray(float32(1, 2), jsonFloat64)).toBe('[1.0,2.0]');
    expect(jsonArray({ ...float32(1, 2, 3, 4), shape: [2, 2] }, jsonFloat64)).toBe(
      '[[1.0,2.0],[3.0,4.0]]',
    );
    expect(jsonArray({ ...float32(3), shape: [] }, jsonFloat64)).toBe('3.0');
  });
});
