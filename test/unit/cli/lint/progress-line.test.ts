import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { progressLine } from '../../../../src/cli/lint/progress-line.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const stream = (isTTY: boolean, written: string[]) =>
  ({
    isTTY,
    columns: 20,
    write: (text: string) => written.push(text),
  }) as unknown as NodeJS.WriteStream;

describe('the line of progress', () => {
  it('is written on a terminal, now and then, and taken away', () => {
    const written: string[] = [];
    const line = progressLine(stream(true, written));
    line.show('early');
    vi.advanceTimersByTime(300);
    line.show('a line that is longer than the terminal');
    line.show('soon');
    line.clear();
    expect(written).toEqual(['\ra line that is long', `\r${' '.repeat(19)}\r`]);
  });

  it('is nothing in a pipe', () => {
    const written: string[] = [];
    const line = progressLine(stream(false, written));
    vi.advanceTimersByTime(300);
    line.show('text');
    line.clear();
    expect(written).toEqual([]);
  });
});
