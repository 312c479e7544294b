import { expect, it } from 'vitest';
import {
  decodeProcessConfig,
  encodeProcessConfig,
} from '../../../../src/shared/config/engine-process-config.ts';
import { defaultEngineArgs } from '../../../../src/shared/config/registry.ts';

it('the word that starts an engine process says all but the keys of the HTTP server', () => {
  const config = {
    args: { ...defaultEngineArgs(), apiKey: ['secret'], gpu: 'L4' },
    rank: 3,
    localRank: 1,
    handshakeAddress: 'tcp://127.0.0.1:1',
    clientHandshakeAddress: null,
    headless: true,
  };
  const word = encodeProcessConfig(config);
  expect(word).not.toContain('secret');
  expect(decodeProcessConfig(word)).toEqual({ ...config, args: { ...config.args, apiKey: [] } });
});
