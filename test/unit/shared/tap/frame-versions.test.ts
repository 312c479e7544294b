import { describe, expect, it } from 'vitest';
import { createEngineCoreRequest } from '../../../../src/shared/protocol/defaults.ts';
import { WIRE_VERSIONS } from '../../../../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../../../../src/shared/protocol/wire-codec.ts';
import { ProtocolCheck } from '../../../../src/shared/tap/check/protocol-check.ts';
import { createFollowingDissector } from '../../../../src/shared/tap/following-dissector.ts';
import { FrameVersions, versionOfHeads } from '../../../../src/shared/tap/frame-versions.ts';
import type { RawFrame } from '../../../../src/shared/tap/raw-frame.ts';
import { createReadyResponse } from '../../../support/ready-response.ts';

type Version = keyof typeof WIRE_VERSIONS;

let seq = 0;

function frame(
  type: 'EngineCoreReadyResponse' | 'ADD',
  peer: number,
  parts: readonly Uint8Array[],
) {
  seq += 1;
  return {
    seq,
    monotonic_ms: seq,
    socket: 'input',
    socket_type: 'ROUTER',
    address: 'tcp://127.0.0.1:4001',
    direction: type === 'ADD' ? 'send' : 'receive',
    peer,
    type,
    identity: `0${peer}00`,
    parts: parts.map((part) => Buffer.from(part).toString('base64')),
  } as RawFrame;
}

/** What an engine says of itself, and a request with an adapter for it: positions that moved in 0.32.0. */
function framesOf(version: Version, peer: number, said: string = version): RawFrame[] {
  const codec = createWireCodec(WIRE_VERSIONS[version]);
  const response = createReadyResponse({ vllmVersion: said, dataParallelRank: peer });
  const request = createEngineCoreRequest({
    requestId: `r${peer}`,
    promptTokenIds: [1],
    loraRequest: {
      loraName: 'adapter',
      loraIntId: 1,
      loraPath: '/adapter',
      baseModelName: null,
      loadInplace: false,
      is3dLoraWeight: false,
    },
  });
  return [
    frame('EngineCoreReadyResponse', peer, codec.encodeReadyResponse(response)),
    frame('ADD', peer, codec.encodeEngineInput({ type: 'ADD', request })),
  ];
}

function problemsOf(frames: readonly RawFrame[], given: Version | null = null): readonly string[] {
  const check = new ProtocolCheck(given === null ? null : WIRE_VERSIONS[given]);
  for (const each of frames) check.add({ ...each }, { process: 'APIServer' });
  return check.verdict().problems.map(({ rule }) => rule);
}

describe('the version of frames', () => {
  it.each(Object.keys(WIRE_VERSIONS) as Version[])('is what an engine of %s says', (version) => {
    seq = 0;
    expect(problemsOf(framesOf(version, 0))).toEqual([]);
    seq = 0;
    expect(problemsOf(framesOf(version, 0, `${version}+cpu`))).toEqual([]);
  });

  it("is each engine's own where they differ", () => {
    seq = 0;
    const frames = [...framesOf('0.31.0', 1), ...framesOf('0.33.0', 2)];
    const [ready1, add1, ready2, add2] = frames as [RawFrame, RawFrame, RawFrame, RawFrame];
    const check = new ProtocolCheck(null);
    const mixed = [ready1, ready2, add1, add2].map((each, index) => ({ ...each, seq: index + 1 }));
    for (const each of mixed) check.add(each, { process: 'APIServer' });
    expect(check.verdict()).toMatchObject({ problems: [], vllm_version: '0.31.0, 0.33.0' });
  });

  it('is the given one, whatever they say', () => {
    seq = 0;
    const problems = problemsOf(framesOf('0.31.0', 0), '0.33.0');
    expect(problems).toContain('ready.version');
    expect(problems).toContain('field.type');
  });

  it('is 0.33.0 where an engine names a version that nobody knows, which is told', () => {
    seq = 0;
    expect(problemsOf(framesOf('0.33.0', 0, '0.29.0'))).toEqual(['ready.version']);
  });

  it('is what the recording says where no engine does, and all of it says the same', () => {
    seq = 0;
    const [, add] = framesOf('0.31.0', 0) as [RawFrame, RawFrame];
    const wordsOf = (...said: readonly string[]) => {
      const heads = said.map((vllm_version) => ({ vllm_version }));
      return createFollowingDissector(new FrameVersions(null, versionOfHeads(heads))).dissect(add);
    };
    expect(wordsOf('0.31.0', '0.31.0').problems).toEqual([]);
    expect(wordsOf('0.33.0').problems).not.toEqual([]);
    expect(
      versionOfHeads([{ vllm_version: '0.31.0' }, { vllm_version: '0.28.0' }]).vllmVersion,
    ).toBe('0.33.0');
    expect(versionOfHeads([{ vllm_version: '0.29.0' }]).vllmVersion).toBe('0.33.0');
  });

  it('shows fields that the version has, and none that it has not', () => {
    seq = 0;
    const dissector = createFollowingDissector(new FrameVersions(null));
    const [ready, add] = framesOf('0.31.0', 0) as [RawFrame, RawFrame];
    expect(dissector.dissect(ready).message).not.toHaveProperty('coord_store_port');
    expect(dissector.dissect(add).message).toHaveProperty('lora_request.tensorizer_config_dict');
  });
});

it('the wave that a frontend knows of may be behind, and START_DP_WAVE names an engine by its identity', () => {
  const { encodeCoordinatorUpdate, encodeEngineInput, encodeFrontendNotice } = createWireCodec(
    WIRE_VERSIONS['0.31.0'],
  );
  const engineIdentity = Uint8Array.of(1, 0);
  const at = (
    socket: RawFrame['socket'],
    type: RawFrame['type'],
    parts: readonly Uint8Array[],
  ): RawFrame => ({
    ...frame('ADD', 1, parts),
    socket,
    socket_type: 'XPUB',
    type,
    peer: null,
    identity: null,
  });
  seq = 0;
  const stats = 'frontend_stats_publish';
  const frames = [
    at(
      stats,
      'COUNTS',
      encodeCoordinatorUpdate({ counts: null, currentWave: 4, enginesRunning: false }),
    ),
    at(stats, 'FIRST_REQ', encodeFrontendNotice({ type: 'FIRST_REQ', engineIdentity, wave: 3 })),
    at(
      'coordinator_input',
      'START_DP_WAVE',
      encodeEngineInput({ type: 'START_DP_WAVE', wave: 4, excludeEngineIndex: engineIdentity }),
    ),
  ];
  expect(problemsOf(frames, '0.31.0')).toEqual([]);
  const dissector = createFollowingDissector(new FrameVersions(WIRE_VERSIONS['0.31.0']));
  expect(frames.slice(1).map((one) => dissector.dissect(one).message)).toEqual([
    { engine_to_exclude: { $bin: '0100' }, wave: 3 },
    { wave: 4, exclude_engine_index: { $bin: '0100' } },
  ]);
});

it.each([
  // Null, an index, an identity, a word.
  ['0.32.0', [[], [], [], ['field.type']]],
  ['0.33.0', [[], [], ['field.type'], ['field.type']]],
] as const)('what START_DP_WAVE of vLLM %s may leave out', (version, expected) => {
  const [type] = createWireCodec(WIRE_VERSIONS[version]).encodeEngineInput({
    type: 'START_DP_WAVE',
    wave: 4,
    excludeEngineIndex: null,
  });
  const found = [[0xc0], [1], [0xc4, 2, 1, 0], [0xa1, 0x61]].map((excluded) => {
    seq = 0;
    const parts = [type ?? new Uint8Array(), Uint8Array.of(0x92, 4, ...excluded)];
    const socket = {
      socket: 'coordinator_input',
      socket_type: 'XPUB',
      type: 'START_DP_WAVE',
    } as const;
    const wave: RawFrame = { ...frame('ADD', 1, parts), ...socket, peer: null, identity: null };
    return problemsOf([wave], version);
  });
  expect(found).toEqual(expected);
});
