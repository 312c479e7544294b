import { expect, it } from 'vitest';
import { Progress } from '../../../../src/cli/simulate/progress.ts';

it('tells how far a run has come, how fast, and how long it takes, ten times a second at most', () => {
  let nowMs = 0;
  const written: string[] = [];
  const progress = new Progress({
    totalMs: 24 * 3_600_000,
    nowMs: () => nowMs,
    write: (text) => written.push(text),
  });
  nowMs = 10_000;
  progress.show(6 * 3_600_000);
  progress.show(6.1 * 3_600_000);
  expect(written).toEqual([
    '\r[######------------------] 25 %  6:00:00 of 24 h, 2160 × real time, 30 s left',
  ]);
  progress.clear();
  expect(written.at(-1)).toMatch(/^\r +\r$/);
});
