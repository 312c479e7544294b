import { describe, expect, it } from 'vitest';
import { readTapSettings } from '../../../../src/cli/tap/settings.ts';

function read(given: Readonly<Record<string, string>>, positionals: readonly string[] = []) {
  const flags = new Map(Object.entries(given).map(([name, value]) => [name, [value]]));
  return readTapSettings({ positionals, flags });
}

const PLACE = { listen: '13346', upstream: '127.0.0.1:13345' };

describe('the settings of a tap', () => {
  it('are a port, and where the frontend is', () => {
    expect(read(PLACE)).toEqual({
      host: '127.0.0.1',
      listenPort: 13346,
      upstreamAddress: 'tcp://127.0.0.1:13345',
      record: null,
      json: false,
      check: false,
      untilReady: false,
      engines: null,
      seconds: null,
      version: null,
    });
  });

  it('take frames as a version whose wire is known', () => {
    const given = { ...PLACE, 'vllm-version': '0.31.0' };
    expect(read(given).version?.vllmVersion).toBe('0.31.0');
    expect(() => read({ ...PLACE, 'vllm-version': '0.29.0' })).toThrow(
      "--vllm-version '0.29.0': must be one of 0.28.0, 0.30.0, 0.31.0, 0.32.0, 0.33.0, whose wire is known",
    );
  });

  it('write IPv6 hosts in brackets', () => {
    const settings = read({ ...PLACE, upstream: '[::1]:13345', host: '::1' });
    expect([settings.host, settings.upstreamAddress]).toEqual(['[::1]', 'tcp://[::1]:13345']);
  });

  it.each([
    [{ upstream: '127.0.0.1:1' }, /--listen PORT is missing/],
    [{ listen: '1' }, /--upstream HOST:PORT is missing/],
    [{ ...PLACE, listen: '70000' }, /--listen '70000': must be a whole number from 0 to 65535/],
    [{ ...PLACE, upstream: '13345' }, /--upstream '13345': must be HOST:PORT/],
    [{ ...PLACE, upstream: '::1:13345' }, /an IPv6 host in brackets/],
    [{ ...PLACE, upstream: 'a:0' }, /--upstream '0': must be a whole number from 1 to 65535/],
    [{ ...PLACE, upstream: 'localhost:13346' }, /is where the tap itself listens/],
    [{ ...PLACE, host: '0.0.0.0' }, /--host '0.0.0.0': engines are told this host/],
    [{ ...PLACE, host: 'a b' }, /--host 'a b': must be a host name or an IP address/],
    [{ ...PLACE, for: '-1' }, /--for '-1': must be a number of seconds above 0/],
    [{ ...PLACE, engines: '0' }, /--engines '0': must be a whole number from 1 to 4096/],
  ])('refuse %j', (given, message) => {
    expect(() => read(given as Record<string, string>)).toThrow(message);
  });

  it('refuse words that are no flags', () => {
    expect(() => read(PLACE, ['frames'])).toThrow(/expects flags only, got 'frames'/);
  });
});
