/**
 * What a request costs beside bare Node in the same run, against the ratios kept in the repository: CPU time of all of the
 * server's processes, so that a busy machine does not matter much.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import {
  ALLOWED,
  GUARD_ROWS,
  type GuardResult,
  guardLine,
  HOW_TO_UPDATE,
  keptRatios,
  measureGuard,
} from '../../benchmarks/peers/guard.ts';
import { packageFile } from '../support/package.ts';

const kept = keptRatios();
let results: readonly GuardResult[] = [];

describe('CPU per request by bare Node’s', () => {
  beforeAll(async () => {
    results = await measureGuard(packageFile('dist'));
    console.log(results.map((result) => guardLine(result, kept[result.row])).join('\n'));
  });

  it.each(GUARD_ROWS)('%s is not a quarter worse than it was', (row) => {
    const result = results.find((one) => one.row === row) as GuardResult;
    const words = `${guardLine(result, kept[row])}\nwhere this is meant: ${HOW_TO_UPDATE}`;
    expect(result.ratio.median, words).toBeLessThanOrEqual(kept[row] * ALLOWED);
  });
});
