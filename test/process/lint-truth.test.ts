/** What the rules say of queries, against what a real Prometheus over vLLM's own /metrics answers. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePromql } from '../../src/lint/promql/parse.ts';
import { checkQuery } from '../../src/lint/rules/check-query.ts';
import type { QueryKind } from '../../src/lint/source-query.ts';
import { compare, ScrapedVllm, saysNothingComes } from '../support/lint-truth.ts';
import { isPrometheusInstalled } from '../support/prometheus.ts';
import { anyQuery } from '../support/promql-queries.ts';
import { sourceQuery } from '../support/source-query.ts';

describe.skipIf(!isPrometheusInstalled())('a Prometheus that scrapes what vLLM 0.33.0 had', () => {
  let vllm: ScrapedVllm;

  beforeAll(async () => {
    vllm = await ScrapedVllm.start();
  });

  afterAll(async () => {
    await vllm?.stop();
  });

  it('answers the queries of the public corpus as they are judged', async () => {
    const { files } = JSON.parse(
      readFileSync(new URL('../golden/versions/corpus.json', import.meta.url), 'utf8'),
    ) as {
      readonly files: readonly {
        readonly queries: readonly { readonly kind: QueryKind; readonly query: string }[];
      }[];
    };
    let compared = 0;
    for (const { query, kind } of files.flatMap(({ queries }) => queries)) {
      const source = sourceQuery(query, kind);
      const outcome = await compare(source, vllm);
      if (outcome === null) continue;
      compared += 1;
      expect(saysNothingComes(outcome, source), outcome.run).toBe(!outcome.isAnswered);
    }
    expect(compared).toBeGreaterThan(200);
  });

  // What is not found wrong may be empty all the same: thresholds, engines that do not run.
  it('answers none of which an error says that nothing comes', async () => {
    const queries = new Set(fc.sample(anyQuery, { numRuns: 1_500, seed: 16 }));
    let wrong = 0;
    for (const text of queries) {
      const findings = checkQuery(sourceQuery(text), parsePromql(text), {
        versions: ['0.33.0'],
        features: new Set(),
      });
      if (!findings.some(({ severity }) => severity === 'error')) continue;
      wrong += 1;
      const rules = findings.map(({ rule }) => rule).join();
      expect(await vllm.isAnswered(text), `${text}: ${rules}`).toBe(false);
    }
    expect(wrong).toBeGreaterThan(500);
  });
});
