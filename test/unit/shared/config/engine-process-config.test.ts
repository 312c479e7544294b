import { describe, expect, it } from 'vitest';
import {
  encodeProcessConfig,
  engineProcessConfigSchema,
} from '../../../../src/shared/config/engine-process-config.ts';
import { parseProcessArgument } from '../../../../src/shared/config/process-argument.ts';
import { defaultEngineArgs } from '../../../../src/shared/config/registry.ts';

const CONFIG = {
  args: { ...defaultEngineArgs(), apiKey: ['secret'], gpu: 'L4' },
  rank: 3,
  localRank: 1,
  handshakeAddress: 'tcp://127.0.0.1:1',
  clientHandshakeAddress: null,
  privateDirectory: null,
  headless: true,
  faultPlan: [
    {
      atMs: null,
      injection: {
        fault: 'handshake.late-hello',
        engine: 3,
        forMs: null,
        parameters: { delay: 5_000 },
      },
    },
  ],
};

const parse = (word: string | undefined) =>
  parseProcessArgument(engineProcessConfigSchema(), word, 'an engine core');

describe('the word that starts an engine process', () => {
  it('says all but the keys of the HTTP server', () => {
    const word = encodeProcessConfig(CONFIG);
    expect(word).not.toContain('secret');
    expect(parse(word)).toEqual({ ...CONFIG, args: { ...CONFIG.args, apiKey: [] } });
  });

  it.each([
    [undefined, "an engine core's settings: expects them as one word of JSON; vllm-twin serve"],
    ['--help', "an engine core's settings: '--help' is not JSON; vllm-twin serve starts"],
    ['7', "an engine core's settings: the word is 7, not an object; vllm-twin serve starts"],
    ['{}', 'rank is missing'],
  ])('is refused in one line where it is none: %s', (word, message) => {
    expect(() => parse(word)).toThrow(message);
  });

  it.each([
    [{ rank: -1 }, "an engine core's settings: rank is -1, not an integer of at least 0"],
    [{ rank: 0.5 }, 'rank is 0.5, not an integer of at least 0'],
    [{ headless: 'no' }, 'headless is "no", not true or false'],
    [{ ranks: 2 }, 'ranks is not known'],
    [{ args: { ...CONFIG.args, seed: '7' } }, 'args.seed is "7", not an integer'],
    [{ args: { ...CONFIG.args, gpu: null } }, 'args.gpu is null, not a string'],
    [{ args: { ...CONFIG.args, logLevel: 'x' } }, 'args.logLevel is "x", not one of debug, info'],
    [
      { args: { ...CONFIG.args, engineOverrides: [] } },
      'args.engineOverrides is [], not an object',
    ],
    [{ args: { ...CONFIG.args, madeUp: 1 } }, 'args.madeUp is not known'],
  ])('is refused with the field, what it must be and what it is: %#', (fields, message) => {
    expect(() => parse(JSON.stringify({ ...CONFIG, ...fields }))).toThrow(message);
  });
});
