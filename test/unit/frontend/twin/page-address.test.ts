import { describe, expect, it } from 'vitest';
import { pageAddressOf } from '../../../../src/frontend/twin/page-address.ts';

describe("the page's address", () => {
  it.each([
    ['http://127.0.0.1:8000', null, 'http://127.0.0.1:8000/twin'],
    ['https://127.0.0.1:8000/', '/a/', 'https://127.0.0.1:8000/a/twin'],
    ['http://0.0.0.0:8000', '', 'http://127.0.0.1:8000/twin'],
    ['http://[::]:8000', null, 'http://[::1]:8000/twin'],
    ['http://192.168.1.5:80', '/r', 'http://192.168.1.5:80/r/twin'],
    ['unix:/run/twin.sock', '/r', 'http://localhost/r/twin on /run/twin.sock'],
  ])('of a server on %s below %s is one to go to', (address, rootPath, expected) => {
    expect(pageAddressOf(address, rootPath)).toBe(expected);
  });
});
