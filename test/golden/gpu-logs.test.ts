/**
 * Start-up logs of real GPUs beside what the memory budget makes of the same command on the same card (gpu-logs.json). The
 * table and what is left unexplained are in docs/memory-budget.md.
 */
import { describe, expect, it } from 'vitest';
import {
  absoluteError,
  CHOSEN,
  fitConstants,
  judged,
  kvGib,
  leaveOneOut,
  loss,
  median,
  replayed,
} from '../../scripts/budget-fit.ts';
import { errorOf, isRemarked, loggedKvGib, readGpuLogs } from '../../scripts/gpu-logs.ts';
import { FIT } from '../../src/capacity/models/measured-memory.ts';

const logs = replayed(readGpuLogs());
const counted = judged(logs);

describe('start-up logs of real GPUs', () => {
  it('stand here beside ours', () => {
    const rows = counted.map((one) => ({
      log: one.log.id,
      model: one.log.model,
      gpu: one.log.gpu.name,
      logged: loggedKvGib(one.log).join(' or '),
      ours: kvGib(one).toFixed(2),
      error: `${(100 * errorOf(one.log, kvGib(one))).toFixed(1)} %`,
    }));
    console.table(rows);
    expect(rows).toHaveLength(FIT.numLogs);
  });

  it('have a median error of at most 2 %, and of 2.5 % where each is predicted by the others', () => {
    expect(median(counted.map((one) => absoluteError(one)))).toBeLessThan(0.02);
    expect(median(leaveOneOut(counted))).toBeLessThan(0.025);
  });

  it.each(counted.map((one) => [one.log.id, one] as const))(
    '%s is within 6 %%, or has a remark and is within 22 %%',
    (_, one) => {
      const bound = isRemarked(one.log) ? 0.22 : FIT.withinPercent / 100;
      expect(absoluteError(one)).toBeLessThan(bound);
    },
  );

  it('are met as well as `explain` says', () => {
    const errors = counted.map((one) => 100 * absoluteError(one));
    expect(errors.filter((error) => error <= FIT.withinPercent)).toHaveLength(FIT.numWithin);
    expect(median(errors)).toBeLessThanOrEqual(FIT.medianPercent);
  });

  it('give no constants on the grid that are better by a tenth of a percent', () => {
    expect(loss(counted, CHOSEN) - loss(counted, fitConstants(counted))).toBeLessThan(0.001);
  });
});
