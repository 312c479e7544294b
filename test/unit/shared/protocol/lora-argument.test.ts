import { describe, expect, it } from 'vitest';
import { loraArgument } from '../../../../src/shared/protocol/lora-argument.ts';
import type { UtilityCall } from '../../../../src/shared/protocol/request.ts';
import { WIRE_VERSIONS } from '../../../../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../../../../src/shared/protocol/wire-codec.ts';

const lora = loraArgument({
  loraName: 'adapter',
  loraIntId: 3,
  loraPath: '/models/adapter',
  baseModelName: null,
  loadInplace: true,
  is3dLoraWeight: false,
});

function call(method: string, ...args: readonly unknown[]): UtilityCall {
  return { clientIndex: 0, callId: 1, method, args };
}

describe.each(Object.keys(WIRE_VERSIONS) as (keyof typeof WIRE_VERSIONS)[])(
  'an adapter in a utility call of vLLM %s',
  (version) => {
    const { toVersionsCall, fromVersionsCall } = createWireCodec(WIRE_VERSIONS[version]);

    it('comes back as it was', () => {
      for (const args of [lora, lora.slice(0, 3)]) {
        const given = call('add_lora', args);
        expect(fromVersionsCall(toVersionsCall(given))).toEqual(given);
      }
    });

    it("has the version's places", () => {
      const { fields } = WIRE_VERSIONS[version].tables.loraRequest;
      const [sent] = toVersionsCall(call('add_lora', lora)).args;
      const at = fields.findIndex(({ wire }) => wire === 'load_inplace');
      expect(sent).toHaveLength(fields.length);
      expect((sent as readonly unknown[])[at]).toBe(true);
    });

    it('is no other call', () => {
      for (const given of [call('echo', lora), call('add_lora', 'no array')])
        expect(toVersionsCall(given)).toBe(given);
    });
  },
);
