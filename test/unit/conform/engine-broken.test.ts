import { describe, expect, it } from 'vitest';
import { ENGINE_CHECK_SPECS } from '../../../src/conform/engine/checks.ts';
import { BROKEN_ENGINES } from '../../support/broken-engines.ts';
import { failedIds, judgeEngines } from '../../support/conform-engine.ts';
import { FURTHER_BROKEN_ENGINES } from '../../support/further-broken-engines.ts';

describe('a check of an engine', () => {
  it('has a peer that fails it, each', () => {
    const ids = Object.keys(BROKEN_ENGINES).map((id) => `engine.${id}`);
    expect(ids.toSorted()).toEqual(ENGINE_CHECK_SPECS.map(({ id }) => id).toSorted());
  });

  it.each(Object.keys(BROKEN_ENGINES))('%s alone fails for its broken peer', async (id) => {
    const verdicts = await judgeEngines(BROKEN_ENGINES[id]);
    const failed = failedIds(verdicts);
    expect(failed, JSON.stringify(failed.map((one) => verdicts.get(one)))).toEqual([
      `engine.${id}`,
    ]);
  });

  it.each(FURTHER_BROKEN_ENGINES)('finds %s: %s alone fails', async (_, id, engines) => {
    const verdicts = await judgeEngines(engines);
    const failed = failedIds(verdicts);
    expect(failed, JSON.stringify(failed.map((one) => verdicts.get(one)))).toEqual([
      `engine.${id}`,
    ]);
  });

  it.each([
    'add.tokens',
    'add.n',
    'stats.cadence',
    'abort.running',
    'utility.call-id',
    'pause.keep',
    'coordinator.counts',
    'coordinator.finished',
  ])('%s looks at the highest rank too', async (id) => {
    const { mutate, ...broken } = BROKEN_ENGINES[id] ?? {};
    const verdicts = await judgeEngines({
      ...broken,
      size: 2,
      mutate: (rank, ...more) => (rank === 1 ? (mutate?.(0, ...more) ?? {}) : {}),
    });
    expect(failedIds(verdicts)).toEqual([`engine.${id}`]);
    expect(verdicts.get(`engine.${id}`)?.got).toMatch(/^rank 1: /);
  });
});
