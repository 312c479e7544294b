/** What checks of /metrics look at: a scrape that can be read, and in it each engine's own series. */
import { hasLabels, type Sample } from '../../../shared/exposition.ts';
import { NotApplicable } from '../compared.ts';
import type { FrontendRun } from '../frontend-run.ts';

/** Throws NotApplicable where the first scrape held nothing of vLLM's. */
export async function scrapeReadable(run: FrontendRun): Promise<readonly Sample[]> {
  const problem = await run.once('metrics.problem', async () => {
    await run.scrape();
    return run.needMetrics().problem;
  });
  if (problem !== null)
    throw new NotApplicable('nothing of vLLM can be read, which metrics.exposition tells');
  return await run.scrape();
}

/**
 * Before any request was answered; where that was not seen, as without --http, now. Throws NotApplicable as
 * `scrapeReadable`.
 */
export async function scrapeAtStart(run: FrontendRun): Promise<readonly Sample[]> {
  const now = await scrapeReadable(run);
  return run.seen.samplesAtStart ?? now;
}

/** Engines that have a child of it; whose is missing, metrics.children tells. Throws NotApplicable where none has one. */
export function ranksWith(
  samples: readonly Sample[],
  name: string,
  run: FrontendRun,
): readonly number[] {
  const ranks = run.engines
    .map(({ rank }) => rank)
    .filter((rank) => samples.some((s) => s.name === name && hasLabels(s, { engine: rank })));
  if (ranks.length === 0)
    throw new NotApplicable(
      `no ${name} of any engine, which metrics.families, .children or .exposition tells`,
    );
  return ranks;
}

export function sum(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string | number>>,
): number {
  return samples
    .filter((sample) => sample.name === name && hasLabels(sample, labels))
    .reduce((total, { value }) => total + value, 0);
}
