import { describe, expect, it } from 'vitest';
import { kvTransferConfigOf } from '../../../../src/shared/config/kv-transfer-config.ts';

type Args = Parameters<typeof kvTransferConfigOf>[0];
const NOTHING: Args = {
  kvTransferConfig: null,
  kvOffloadingSize: null,
  kvOffloadingBackend: 'native',
};
const given = (kvTransferConfig: Args['kvTransferConfig']) => () =>
  kvTransferConfigOf({ ...NOTHING, kvTransferConfig });

describe('the KV connector that flags ask for', () => {
  it('is none by default', () => {
    expect(kvTransferConfigOf(NOTHING)).toBeNull();
  });

  it('is the named one in its role', () => {
    expect(given({ kv_connector: 'NixlConnector', kv_role: 'kv_both' })()).toMatchObject({
      connector: 'NixlConnector',
      role: 'kv_both',
      loadFailurePolicy: 'fail',
    });
  });

  it('offloads to so many bytes of CPU memory', () => {
    expect(kvTransferConfigOf({ ...NOTHING, kvOffloadingSize: 2 })).toMatchObject({
      connector: 'OffloadingConnector',
      role: 'kv_both',
      extraConfig: { cpu_bytes_to_use: 2 ** 31 },
    });
  });

  it.each([
    [{ kv_connector: 'NixlConnector' }, 'Please specify kv_role when kv_connector is set'],
    [{ kv_connector: 'NixlConnector', kv_role: 'both' }, 'Unsupported kv_role: both'],
    [{ kv_connector: 'Nixl', kv_role: 'kv_both' }, 'Unsupported connector type: Nixl'],
    [{ kv_connector: 'MultiConnector', kv_role: 'kv_both' }, 'MultiConnector is not simulated'],
    [{ kv_conector: 'NixlConnector' }, 'kv_conector'],
  ])('is refused: %j', (config, words) => {
    expect(given(config)).toThrow(words);
  });

  it('is refused with the backend that is a server of its own', () => {
    const args: Args = { ...NOTHING, kvOffloadingSize: 1, kvOffloadingBackend: 'lmcache' };
    expect(() => kvTransferConfigOf(args)).toThrow('LMCache is a server of its own');
  });
});
