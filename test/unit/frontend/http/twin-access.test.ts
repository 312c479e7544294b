import { describe, expect, it } from 'vitest';
import {
  changeRefusal,
  changesRefusedBecause,
  type TwinAccessRequest,
  type TwinAccessSettings,
} from '../../../../src/frontend/http/twin-access.ts';

const LOOPBACK: TwinAccessSettings = {
  boundHost: '127.0.0.1',
  isOpen: false,
  hasApiKey: false,
  isTls: false,
};
const FINE: TwinAccessRequest = {
  host: '127.0.0.1:8000',
  origin: undefined,
  contentType: 'application/json',
  hasBody: true,
  hasKey: true,
};

function refusal(
  request: Partial<TwinAccessRequest> = {},
  settings: Partial<TwinAccessSettings> = {},
) {
  return changeRefusal({ ...LOOPBACK, ...settings }, { ...FINE, ...request });
}

describe('who may change something', () => {
  it('is whoever comes from the machine itself', () => {
    expect(refusal()).toBeNull();
    expect(refusal({ host: 'localhost:8000' })).toBeNull();
    expect(refusal({ host: '[::1]:8000' }, { boundHost: '::1' })).toBeNull();
    expect(refusal({ host: 'anything' }, { boundHost: null })).toBeNull();
  });

  it.each([['0.0.0.0'], ['::'], ['192.168.1.5'], ['example.com']])(
    'is nobody on a server bound to %s, whoever asks',
    (boundHost) => {
      const why = refusal({}, { boundHost });
      expect(why?.status).toBe(403);
      expect(why?.message).toContain(boundHost);
      expect(why?.message).toContain('--enable-twin-api');
      expect(changesRefusedBecause({ ...LOOPBACK, boundHost })).toBe(why?.message);
    },
  );

  it('is let in where --enable-twin-api says so, by an address that the server is bound to', () => {
    const open = { boundHost: '0.0.0.0', isOpen: true };
    expect(refusal({}, open)).toBeNull();
    expect(refusal({ host: '10.1.2.3:8000' }, open)).toBeNull();
    expect(
      refusal({ host: '192.168.1.5:8000' }, { boundHost: '192.168.1.5', isOpen: true }),
    ).toBeNull();
    expect(
      refusal({ host: '192.168.1.6:8000' }, { boundHost: '192.168.1.5', isOpen: true })?.status,
    ).toBe(403);
    const ipv6 = { boundHost: 'FD00::1', isOpen: true };
    expect(refusal({ host: '[fd00::1]:8000' }, ipv6)).toBeNull();
    expect(refusal({ host: '[fd00::2]:8000' }, ipv6)?.status).toBe(403);
  });

  it.each([
    ['evil.example'],
    ['evil.example:8000'],
    ['127.0.0.1.evil.example'],
    ['localhost.evil.example:8000'],
    ['127.0.0.1:8000@evil.example'],
    [''],
    [undefined],
  ])('is no page whose name was made to point here: Host %s', (host) => {
    for (const settings of [{}, { boundHost: '0.0.0.0', isOpen: true }]) {
      const why = refusal({ host }, settings);
      expect(why?.status).toBe(403);
      expect(why?.message).toContain('Host');
    }
  });

  it('is no page of another site', () => {
    expect(refusal({ origin: 'http://127.0.0.1:8000' })).toBeNull();
    for (const origin of [
      'http://evil.example',
      'null',
      'https://127.0.0.1:8000',
      'http://127.0.0.1:9000',
      'http://localhost:8000',
    ]) {
      const why = refusal({ origin });
      expect(why?.status, origin).toBe(403);
      expect(why?.message).toContain(origin);
    }
    expect(refusal({ origin: 'https://127.0.0.1:8000' }, { isTls: true })).toBeNull();
  });

  it('has the key where there is one', () => {
    expect(refusal({ hasKey: false })).toBeNull();
    expect(refusal({ hasKey: true }, { hasApiKey: true })).toBeNull();
    expect(refusal({ hasKey: false }, { hasApiKey: true })?.status).toBe(403);
    expect(refusal({ hasKey: false }, { hasApiKey: true })?.message).toContain('Authorization');
  });

  it('sends JSON, which a form of another site cannot', () => {
    expect(refusal({ contentType: 'application/json; charset=utf-8' })).toBeNull();
    expect(refusal({ contentType: undefined, hasBody: false })).toBeNull();
    for (const contentType of ['text/plain', 'application/x-www-form-urlencoded', undefined])
      expect(refusal({ contentType })?.status).toBe(415);
  });
});
