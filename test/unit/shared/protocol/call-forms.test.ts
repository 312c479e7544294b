import { describe, expect, it } from 'vitest';
import { WIRE_VERSIONS } from '../../../../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../../../../src/shared/protocol/wire-codec.ts';
import type { SpokenVersion } from '../../../../src/shared/version.ts';

/** What a frontend of the version calls for `AsyncLLM.pause_generation`: read in its core_client.py. */
const PAUSES: readonly (readonly [SpokenVersion, string])[] = [
  ['0.28.0', 'pause_scheduler'],
  ['0.30.0', 'pause_scheduler'],
  ['0.31.0', 'pause_scheduler'],
  ['0.32.0', 'pause_scheduler'],
  ['0.33.0', 'pause_generation'],
];

describe('a call of a frontend', () => {
  it.each(PAUSES)('that pauses vLLM %s is %s', (version, method) => {
    const { toVersionsCall } = createWireCodec(WIRE_VERSIONS[version]);
    const call = { clientIndex: 0, callId: 1, method: 'pause_generation', args: ['wait', true] };
    expect(toVersionsCall(call)).toEqual({ ...call, method });
    const other = { ...call, method: 'resume_scheduler', args: [] };
    expect(toVersionsCall(other)).toBe(other);
  });
});
