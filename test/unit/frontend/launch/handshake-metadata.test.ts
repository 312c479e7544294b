import { describe, expect, it } from 'vitest';
import { handshakeMetadata } from '../../../../src/frontend/launch/handshake-metadata.ts';
import { WIRE_VERSIONS } from '../../../../src/shared/protocol/versions/wire-versions.ts';
import { SPOKEN_VERSIONS, type SpokenVersion } from '../../../../src/shared/version.ts';

const parallelConfigOf = (vllmVersion: SpokenVersion, size: number | null) =>
  handshakeMetadata({
    vllmVersion,
    clients: [{ input: 'tcp://in', output: 'tcp://out' }],
    coordinator: null,
    meeting: size === null ? null : { host: '127.0.0.1', port: 4000, size },
  }).parallelConfig;

describe('what INIT tells of ranks that step together', () => {
  it.each(SPOKEN_VERSIONS)('is a value for every key of vLLM %s, in its order', (version) => {
    const told = parallelConfigOf(version, 2);
    expect(Object.keys(told)).toEqual(WIRE_VERSIONS[version].parallelConfigKeys);
    for (const value of Object.values(told)) expect(value ?? null).not.toBeNull();
    expect(told).toMatchObject({ data_parallel_master_port: 4000, data_parallel_size: 2 });
  });

  it('is nothing where they do not', () => {
    expect(parallelConfigOf('0.33.0', null)).toEqual({});
  });
});
