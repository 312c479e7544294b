import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { setUpEngine } from '../../../src/engine-core/engine-setup.ts';
import { kvEventsConfigOf } from '../../../src/engine-core/kv-events-config.ts';
import { createReadyResponse } from '../../../src/engine-core/ready-response.ts';
import { defaultEngineArgs, type EngineArgs } from '../../../src/shared/config/registry.ts';
import type { EngineZmqAddresses } from '../../../src/shared/protocol/handshake.ts';
import type { EngineCoreReadyResponse } from '../../../src/shared/protocol/ready-response.ts';
import { TINYMODEL } from '../../support/twin.ts';
import { wireCodec } from '../../support/wire-codec.ts';

const { decodeHandshakeMetadata, decodeReadyResponse } = wireCodec;

const { samples } = JSON.parse(
  readFileSync(new URL('../../golden/wire.json', import.meta.url), 'utf8'),
) as { samples: { name: string; kind: string; frames: string[] }[] };

/** The frames of a recorded message, without the identity. */
function framesOf(name: string): readonly Buffer[] {
  const sample = samples.find((candidate) => candidate.name === name);
  if (sample === undefined) throw new Error(`no sample ${name}`);
  return sample.frames.slice(1).map((hex) => Buffer.from(hex, 'hex'));
}

/** The engines were recorded on a machine without a GPU, whose defaults for batches are smaller. */
const RECORDED = { maxNumSeqs: 128, maxNumBatchedTokens: 2048 };

function readyResponseOf(
  args: Partial<EngineArgs>,
  fields: { rank?: number; addresses: EngineZmqAddresses; dataParallelSize?: number },
): EngineCoreReadyResponse {
  const all: EngineArgs = { ...defaultEngineArgs(), model: TINYMODEL, ...RECORDED, ...args };
  return createReadyResponse({
    setup: setUpEngine(all),
    rank: fields.rank ?? 0,
    addresses: fields.addresses,
    dataParallelSize: fields.dataParallelSize ?? 1,
    kvEventsConfig: kvEventsConfigOf(all.kvEventsConfig),
    instanceId: 'now',
  });
}

describe('the ready response', () => {
  it.each<[string, string, string, number, Partial<EngineArgs>, number]>([
    [
      'of one engine with events and sleep mode',
      'live/dp1/001/INIT',
      'live/dp1/003/EngineCoreReadyResponse',
      0,
      {
        maxModelLen: 512,
        numGpuBlocksOverride: 33,
        enableSleepMode: true,
        kvEventsConfig: {
          enable_kv_cache_events: true,
          publisher: 'zmq',
          endpoint: 'tcp://*:5657',
          replay_endpoint: 'tcp://*:5658',
        },
      },
      1,
    ],
    [
      'of an independent rank, which calls itself the only one',
      'live/dp2/001/INIT',
      'live/dp2/004/EngineCoreReadyResponse',
      1,
      { maxModelLen: 1024, numGpuBlocksOverride: 65 },
      1,
    ],
    [
      'of a mixture-of-experts rank',
      'live/dp2_moe/001/INIT',
      'live/dp2_moe/006/EngineCoreReadyResponse',
      1,
      {
        model: 'mistralai/Mixtral-8x7B-v0.1',
        weightsBytes: 1e9,
        maxModelLen: 1024,
        numGpuBlocksOverride: 65,
      },
      2,
    ],
  ])('%s is the recorded one', (_, init, ready, rank, args, dataParallelSize) => {
    const { addresses } = decodeHandshakeMetadata(framesOf(init));
    const expected = decodeReadyResponse(framesOf(ready));
    const got = readyResponseOf(args, { rank, addresses, dataParallelSize });
    expect(got).toEqual({ ...expected, instanceId: 'now' });
    expect(Object.keys(got)).toHaveLength(28);
  });

  const addresses: EngineZmqAddresses = {
    inputs: [],
    outputs: [],
    coordinatorInput: null,
    coordinatorOutput: null,
    frontendStatsPublishAddress: null,
  };

  it('says what the model has', () => {
    expect(readyResponseOf({ enableLora: true, maxLoras: 4 }, { addresses })).toMatchObject({
      supportsLora: true,
      maxLoras: 4,
      mambaBlockSize: null,
      dtype: 'bfloat16',
      vllmVersion: '0.33.0',
    });
    const parallel = { tensorParallelSize: 2, pipelineParallelSize: 2 };
    expect(readyResponseOf(parallel, { addresses })).toMatchObject({ ...parallel, worldSize: 4 });
  });

  it('names the state block of a hybrid model, and the attention block that fits it', () => {
    const got = readyResponseOf(
      { model: 'tiiuae/Falcon-H1-7B-Instruct', maxModelLen: 4096, enablePrefixCaching: true },
      { addresses },
    );
    expect(got.mambaBlockSize).toBe(got.blockSize);
    expect(got.effectiveAttentionBlockSize).toBe(got.blockSize);
  });
});
