/**
 * The rules against public dashboards, alert rules and autoscalers, each query of which was run on a Prometheus that had
 * scraped vLLM 0.33.0: a query has a finding of severity error just when it returned nothing.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RuleFinding } from '../../src/lint/finding.ts';
import { parsePromql } from '../../src/lint/promql/parse.ts';
import { checkQuery } from '../../src/lint/rules/check-query.ts';
import type { RuleId } from '../../src/lint/rules/rule-table.ts';
import type { QueryKind } from '../../src/lint/source-query.ts';
import { CATALOGUE_VERSIONS } from '../../src/shared/metric-catalogue/metric-catalogue.ts';
import { sourceQuery } from '../support/source-query.ts';

interface Fault {
  readonly name: string;
  readonly kind: string;
}

interface Judged {
  readonly query: string;
  readonly data: string;
  readonly faults: readonly Fault[];
  readonly faultOf: string | null;
  readonly kind: QueryKind;
  readonly namesPerVersion: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

interface RecordedQuery {
  readonly kind: string;
  readonly query: string;
  readonly 'data_on_0.33': string;
  readonly name_faults?: readonly Fault[];
  readonly label_faults?: readonly Fault[];
  readonly fault_of: string | null;
  readonly names_per_version?: Judged['namesPerVersion'];
}

const CORPUS = JSON.parse(
  readFileSync(new URL('./versions/corpus.json', import.meta.url), 'utf8'),
) as {
  readonly files: readonly { readonly queries: readonly RecordedQuery[] }[];
  readonly probes: readonly {
    readonly query: string;
    readonly 'data_on_0.33': string;
    readonly faults: readonly Fault[];
  }[];
  readonly autoscalers_by_name: readonly {
    readonly metric: string;
    readonly 'exposed_by_0.33': boolean | null;
    readonly fault: Fault | string | null;
  }[];
};

/** What the recorded stack had on. */
const FEATURES: ReadonlySet<string> = new Set(['tool-call-parser']);

const JUDGED: readonly Judged[] = [
  ...CORPUS.files.flatMap(({ queries }) =>
    queries.map((recorded) => ({
      query: recorded.query,
      data: recorded['data_on_0.33'],
      faults: [...(recorded.name_faults ?? []), ...(recorded.label_faults ?? [])],
      faultOf: recorded.fault_of,
      kind: (recorded.kind === 'adapter-series' ? 'adapter' : recorded.kind) as QueryKind,
      namesPerVersion: recorded.names_per_version ?? {},
    })),
  ),
  ...CORPUS.probes.map(({ query, faults, ...probe }) => ({
    query,
    data: probe['data_on_0.33'],
    faults,
    faultOf: null,
    kind: 'query' as const,
    namesPerVersion: {},
  })),
  ...CORPUS.autoscalers_by_name.map(({ metric, fault, ...recorded }) => ({
    query: metric,
    data: recorded['exposed_by_0.33'] === false ? 'no' : 'yes',
    faults: typeof fault === 'string' || fault === null ? [] : [fault],
    faultOf: null,
    kind: 'metric-name' as const,
    namesPerVersion: {},
  })),
];

/** The recording's words for why a query returned nothing, and the rules that say so. */
const RULES_OF: Readonly<Record<string, readonly RuleId[]>> = {
  removed: ['metric-removed'],
  'counter-without-_total': ['counter-without-total'],
  'histogram-without-suffix': ['histogram-without-suffix'],
  'needs-a-flag-or-feature': ['needs-feature'],
  'never-a-vllm-name': ['unknown-metric', 'no-such-suffix'],
  'underscore-instead-of-colon': ['underscore-for-colon'],
  'other-exporter-with-vllm-prefix': ['other-exporter'],
  'selector-matches-nothing': ['unknown-label', 'cache-config-label', 'label-value'],
};

function check(judged: Judged, version = '0.33.0'): readonly RuleFinding[] {
  const { query, kind } = judged;
  return checkQuery(sourceQuery(query, kind), parsePromql(query), {
    versions: [version],
    features: FEATURES,
  });
}

const isWrong = (findings: readonly RuleFinding[]): boolean =>
  findings.some(({ severity }) => severity === 'error');

describe('the public corpus', () => {
  // What another program exposes, and what a deployment labels its pods with, no text of a query tells.
  const own = JUDGED.filter(
    ({ faultOf }) => faultOf !== 'other-exporter' && faultOf !== 'deployment-labels',
  );

  it('is judged as it was answered', () => {
    const verdicts = own.map((judged) => ({
      query: judged.query,
      empty: judged.data === 'no',
      wrong: isWrong(check(judged)),
    }));
    const right = verdicts.filter(({ empty, wrong }) => empty && wrong).length;
    const missed = verdicts.filter(({ empty, wrong }) => empty && !wrong);
    const noise = verdicts.filter(({ empty, wrong }) => !empty && wrong);
    const recall = right / (right + missed.length);
    const precision = right / (right + noise.length);
    console.info(
      `${verdicts.length} queries, ${right + missed.length} of them empty: recall ${recall.toFixed(3)}, precision ${precision.toFixed(3)}`,
    );
    expect({ missed, noise }).toEqual({ missed: [], noise: [] });
  });

  it('has the reason for each that was found wrong', () => {
    for (const judged of JUDGED) {
      const rules = check(judged).map(({ rule }) => rule);
      for (const { name, kind } of judged.faults) {
        const expected: readonly string[] = RULES_OF[kind] ?? [];
        if (kind === 'other-exporter' || judged.faultOf === 'deployment-labels') continue;
        expect(expected, `${kind} of ${name}`).not.toEqual([]);
        expect(
          rules.some((rule) => expected.includes(rule)),
          `${judged.query}: ${kind} of ${name}, found ${rules.join()}`,
        ).toBe(true);
      }
    }
  });

  it('says nothing of other programs names without the prefix', () => {
    for (const judged of JUDGED) {
      if (judged.faultOf !== 'other-exporter' || judged.query.includes('vllm')) continue;
      expect(check(judged), judged.query).toEqual([]);
    }
  });

  it.each(CATALOGUE_VERSIONS)('is judged by the names of vLLM %s', (version) => {
    const naming: ReadonlySet<string> = new Set([
      ...Object.values(RULES_OF).flat(),
      'metric-not-yet',
    ]);
    for (const judged of own) {
      const names = judged.namesPerVersion[version];
      if (
        names === undefined ||
        judged.faults.some(({ kind }) => kind === 'selector-matches-nothing')
      )
        continue;
      const found = check(judged, version)
        .filter(({ rule }) => naming.has(rule))
        .map(({ from, to }) => judged.query.slice(from, to));
      expect(new Set(found), judged.query).toEqual(new Set(Object.keys(names)));
    }
  });
});
