/**
 * What a query returns from a real Prometheus that scrapes what a real vLLM 0.33.0 had on /metrics, so that what the rules
 * say of it can be held against it.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RuleFinding } from '../../src/lint/finding.ts';
import { type ParsedQuery, parsePromql } from '../../src/lint/promql/parse.ts';
import { checkQuery } from '../../src/lint/rules/check-query.ts';
import {
  type Binary,
  type Expression,
  expressionOf,
  type Matcher,
  type Selector,
  walk,
} from '../../src/lint/rules/expression.ts';
import { labelsOf, wrongLabel } from '../../src/lint/rules/label-names.ts';
import { isComparison } from '../../src/lint/rules/query-facts.ts';
import type { SourceQuery } from '../../src/lint/source-query.ts';
import { catalogueOf } from '../../src/shared/metric-catalogue/metric-catalogue.ts';
import { readRecording } from './e2e-traffic.ts';
import { Prometheus } from './prometheus.ts';
import { waitUntil } from './wait-for.ts';

const CATALOGUE = catalogueOf('0.33.0');

/** The recorded /metrics, whose counters grow with every scrape. */
export class ScrapedVllm {
  readonly #server: Server;
  readonly #prometheus: Prometheus;

  /** All are asked of one moment, so that a scrape that is late later takes nothing away. */
  readonly #atS: number;

  private constructor(server: Server, prometheus: Prometheus, atS: number) {
    this.#server = server;
    this.#prometheus = prometheus;
    this.#atS = atS;
  }

  static async start(): Promise<ScrapedVllm> {
    const { text, content_type } = readRecording('vllm-python-frontend.json').metrics;
    let scrapes = 0;
    const server = createServer((_request, response) => {
      scrapes += 1;
      response.writeHead(200, { 'content-type': content_type }).end(grown(text, scrapes));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const prometheus = await Prometheus.start({ vllm: `http://127.0.0.1:${port}` });
    await prometheus.waitUntilScraped(['vllm']);
    let atS = 0;
    await waitUntil('ten scrapes, the last of which is there', async () => {
      atS = Date.now() / 1000;
      const kept = await prometheus.queryAt('count_over_time(up[1m]) >= 10 and up == 1', atS);
      return kept.length === 1;
    });
    return new ScrapedVllm(server, prometheus, atS);
  }

  /** A query that Prometheus refuses has no answer either. */
  async isAnswered(query: string): Promise<boolean> {
    try {
      return (await this.#prometheus.queryAt(query, this.#atS)).length > 0;
    } catch (cause) {
      if (cause instanceof TypeError) throw cause;
      return false;
    }
  }

  async stop(): Promise<void> {
    await this.#prometheus.stop();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function grown(text: string, times: number): string {
  return text.replaceAll(
    /^(\w+:?\w+_(?:total|count|sum|bucket)(?:\{[^}]*\})?) ([\d.e+]+)$/gm,
    (_, series: string, value: string) => `${series} ${Number(value) * times}`,
  );
}

/**
 * The query with values for its variables, as its dashboard would send it, and without what a deployment's labels select;
 * of an alert, what its threshold is compared with. Null: it cannot be run here.
 */
export function asRun(query: SourceQuery, parsed: ParsedQuery): string | null {
  const whole = expressionOf(parsed);
  if (whole === null || parsed.problem !== null) return null;
  const root = query.kind === 'alert' ? comparedSide(whole) : whole;
  const edits: { readonly from: number; readonly to: number; readonly insert: string }[] = [];
  for (const inner of walk(root)) {
    if (inner.kind === 'selector') {
      if (inner.name?.isVariable === true) return null;
      edits.push({ from: inner.from, to: inner.to, insert: selected(inner) });
    }
    if (inner.kind === 'range' && inner.seconds === null)
      edits.push({ ...inner.duration, insert: '1m' });
  }
  if (/\boffset\b/i.test(parsed.substituted)) return null;
  return edits
    .toSorted((a, b) => b.from - a.from)
    .reduce(
      (text, { from, to, insert }) => text.slice(0, from) + insert + text.slice(to),
      parsed.substituted.slice(0, root.to),
    )
    .slice(root.from);
}

function comparedSide(root: Expression): Expression {
  if (root.kind !== 'binary' || !isComparison(root.op)) return root;
  const { left, right }: Binary = root;
  return left.kind === 'number' ? right : left;
}

function selected(selector: Selector): string {
  const kept = selector.matchers.filter((matcher) => isVllms(matcher, selector));
  const text = kept.map(({ label, op, value }) => `${label.text}${op}${JSON.stringify(value)}`);
  const name = selector.name?.text ?? '';
  if (text.length === 0) return name;
  return kept.some(({ label }) => label.text === '__name__')
    ? `{${text.join(',')}}`
    : `${name}{${text.join(',')}}`;
}

/** A matcher that vLLM decides; which models there are, it does not. */
function isVllms({ label, isVariable, value }: Matcher, { name }: Selector): boolean {
  if (label.text === '__name__') return true;
  if (isVariable || label.text === 'model_name') return false;
  const family = CATALOGUE.bySample.get(name?.text ?? '');
  if (family === undefined || name === null) return false;
  const isOwn = labelsOf(family, name.text).includes(label.text);
  return isOwn || wrongLabel(label.text, family, name.text, CATALOGUE, value) !== null;
}

export interface Compared {
  readonly query: string;
  readonly run: string;
  readonly isAnswered: boolean;
  readonly findings: readonly RuleFinding[];
}

/** Null: it cannot be run, or is of other programs alone. */
export async function compare(query: SourceQuery, vllm: ScrapedVllm): Promise<Compared | null> {
  const parsed = parsePromql(query.text);
  const run = asRun(query, parsed);
  if (run === null || !/vllm[:_]|http_request/.test(run)) return null;
  const findings = checkQuery(query, parsed, { versions: ['0.33.0'], features: new Set() });
  // What another program exposes is nothing that vLLM's own /metrics can show.
  if (findings.some(({ rule }) => rule === 'other-exporter')) return null;
  return { query: query.text, run, isAnswered: await vllm.isAnswered(run), findings };
}

/** An error is a promise that nothing comes; that an alert's threshold is beyond all values is no matter of its series. */
export function saysNothingComes({ findings }: Compared, { kind }: SourceQuery): boolean {
  return findings.some(
    ({ severity, rule }) => severity === 'error' && !(kind === 'alert' && rule === 'never-true'),
  );
}
