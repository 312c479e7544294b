import { describe, expect, it } from 'vitest';
import { DecodeFault } from '../../../../../src/shared/protocol/msgpack-reader.ts';
import {
  addressesOfInit,
  addressesOfReadyResponse,
  replaceAddresses,
} from '../../../../../src/shared/tap/proxy/addresses.ts';
import { wireCodec } from '../../../../support/wire-codec.ts';

const ADDRESSES = {
  inputs: ['ipc:///tmp/a', 'tcp://10.0.0.1:5555'],
  outputs: ['tcp://10.0.0.1:5556', 'tcp://[fe80::1]:5557'],
  coordinatorInput: 'tcp://10.0.0.1:5558',
  coordinatorOutput: null,
  frontendStatsPublishAddress: `ipc:///tmp/${'x'.repeat(300)}`,
};
const PARALLEL_CONFIG = { data_parallel_master_ip: '10.0.0.1', data_parallel_master_port: 29500 };

function init(): Uint8Array {
  const [frame = new Uint8Array()] = wireCodec.encodeHandshakeMetadata({
    addresses: ADDRESSES,
    parallelConfig: PARALLEL_CONFIG,
  });
  return frame;
}

describe('addresses in INIT', () => {
  it('are found in their lists and alone, null left out', () => {
    const slots = addressesOfInit(init());
    expect(slots.map(({ name, index, address }) => [name, index, address])).toEqual([
      ['inputs', 0, ADDRESSES.inputs[0]],
      ['inputs', 1, ADDRESSES.inputs[1]],
      ['outputs', 0, ADDRESSES.outputs[0]],
      ['outputs', 1, ADDRESSES.outputs[1]],
      ['coordinator_input', 0, ADDRESSES.coordinatorInput],
      ['frontend_stats_publish_address', 0, ADDRESSES.frontendStatsPublishAddress],
    ]);
  });

  it.each([1, 31, 32, 255, 256, 70])(
    'are replaced by one of %d bytes, and nothing else',
    (length) => {
      const bytes = init();
      const other = 'y'.repeat(length);
      const changed = replaceAddresses(bytes, addressesOfInit(bytes), ({ name, index }) =>
        name === 'inputs' && index === 1 ? other : null,
      );
      expect(wireCodec.decodeHandshakeMetadata([changed])).toEqual({
        addresses: { ...ADDRESSES, inputs: [ADDRESSES.inputs[0], other] },
        parallelConfig: PARALLEL_CONFIG,
      });
      const back = replaceAddresses(changed, addressesOfInit(changed), ({ address }) =>
        address === other ? (ADDRESSES.inputs[1] ?? '') : null,
      );
      expect(Buffer.from(back)).toEqual(Buffer.from(bytes));
    },
  );

  it('stay the same bytes where none is replaced', () => {
    const bytes = init();
    expect(replaceAddresses(bytes, addressesOfInit(bytes), () => null)).toBe(bytes);
  });

  it('are looked for in a map only', () => {
    expect(() => addressesOfInit(Buffer.from('no message'))).toThrow(DecodeFault);
    expect(() => addressesOfInit(init().subarray(0, 40))).toThrow(DecodeFault);
  });
});

describe('addresses in a ready response', () => {
  it('are those that the engine passes on; other strings are left alone', () => {
    const bytes = Buffer.from(
      // {"dtype": "tcp://a", "dp_stats_address": "tcp://b", "coordinator_input_address": nil}
      '83a56474797065a77463703a2f2f61b064705f73746174735f61646472657373a77463703a2f2f62b9636f6f7264696e61746f725f696e7075745f61646472657373c0',
      'hex',
    );
    const slots = addressesOfReadyResponse(bytes);
    expect(slots.map(({ name, address }) => [name, address])).toEqual([
      ['dp_stats_address', 'tcp://b'],
    ]);
  });
});
