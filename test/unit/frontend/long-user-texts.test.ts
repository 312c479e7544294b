/** What looks through texts of clients does so in a time like their length: at the square of it these would not end. */
import { describe, expect, it } from 'vitest';
import { sanitizeMessage } from '../../../src/frontend/llm/errors.ts';
import { parseFloatText } from '../../../src/frontend/pydantic/lax-scalars.ts';
import { pySlice, pySliceEnd } from '../../../src/shared/python/str.ts';

const LENGTH = 1_000_000;

describe('a message with a long text of a client', () => {
  it.each([
    ['folders', '/a'.repeat(LENGTH)],
    ['blanks', `x${' '.repeat(LENGTH)}x`],
    ['line ends', `x${'\n'.repeat(LENGTH)}x`],
    ['addresses', `x${' at 0x'.repeat(LENGTH / 8)}x`],
    ['files', `x${'File "'.repeat(LENGTH / 8)}x`],
  ])('is shown as it is: %s', (_name, text) => {
    expect(sanitizeMessage(text)).toBe(text);
  });

  it.each([
    ['in /a/b/c.py now', 'in <path> now'],
    ['in /a/b now, /a.py', 'in /a/b now, /a.py'],
    ['in /a/b//c/d.py.x', 'in /a/b/<path>.x'],
    ['in /a/b.c/d.e', 'in <path>/d.e'],
    ['in /home/me.x/y now', 'in <path> now'],
    ['e\n\n  File "x.py", line 1, in f\n    code\nend', 'e\nend'],
    ['a File "x", line 1, in f  File "y", line 2, in g b', 'a b'],
  ])('loses paths and tracebacks: %j', (text, shown) => {
    expect(sanitizeMessage(text)).toBe(shown);
  });
});

describe('a number in a text', () => {
  it.each(['1', '1_', '1.', '.1'])('is refused in a time like its length: %s…x', (part) => {
    expect(parseFloatText(`${part.repeat(LENGTH)}x`)).toBeNull();
  });

  it.each([
    ['1', 1],
    ['1.', 1],
    ['1.5', 1.5],
    ['.5', 0.5],
    ['1_0.5_0', 10.5],
    ['-1e-2', -0.01],
    ['.', null],
    ['1.2.3', null],
  ])('is read: %s', (text, value) => {
    expect(parseFloatText(text)).toBe(value);
  });
});

describe('a slice by characters', () => {
  it('keeps pairs whole, from the front and from the end', () => {
    expect(pySlice('a😀b😀', 2)).toBe('a😀');
    expect(pySliceEnd('a😀b😀', 2)).toBe('b😀');
    expect([pySlice('ab', 5), pySliceEnd('ab', 5), pySlice('ab', 0), pySliceEnd('ab', 0)]).toEqual([
      'ab',
      'ab',
      '',
      '',
    ]);
    expect(pySliceEnd('a\udc00\udc00', 1)).toBe('\udc00');
  });
});
