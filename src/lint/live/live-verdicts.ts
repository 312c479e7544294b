/** What a Prometheus says of each query, beside what the rules say. */
import type { RuleFinding } from '../finding.ts';
import type { JudgedQuery } from '../lint-text.ts';
import { asksForAbsence, liveQuery } from './live-query.ts';
import type { LiveAnswer, PrometheusClient } from './prometheus-client.ts';

export interface LiveVerdict {
  /** What was asked, with values for the variables; null: nothing was. */
  readonly asked: string | null;
  readonly result: 'data' | 'empty' | 'refused' | 'not-asked';
  /** How many series came. */
  readonly series: number;
  /** Why it was refused, or not asked. */
  readonly message: string | null;
}

/** Questions under way at once. */
const CONCURRENCY = 4;

/** One a query, in their order. Throws PrometheusUnreachable. */
export async function liveVerdicts(
  queries: readonly JudgedQuery[],
  client: PrometheusClient,
  tell: (done: number) => void,
): Promise<readonly LiveVerdict[]> {
  const answers = new Map<string, Promise<LiveAnswer>>();
  const ask = (query: string): Promise<LiveAnswer> => {
    const known = answers.get(query) ?? client.ask(query);
    answers.set(query, known);
    return known;
  };
  const verdicts: LiveVerdict[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < queries.length) {
      const at = next;
      next += 1;
      tell(at);
      const query = queries[at];
      if (query !== undefined) verdicts[at] = await verdictOf(query, ask);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return verdicts;
}

async function verdictOf(
  { source, parsed }: JudgedQuery,
  ask: (query: string) => Promise<LiveAnswer>,
): Promise<LiveVerdict> {
  const question = liveQuery(source, parsed);
  if ('reason' in question)
    return { asked: null, result: 'not-asked', series: 0, message: question.reason };
  const { asked } = question;
  const answer = await ask(asked);
  if (answer.kind === 'refused')
    return { asked, result: 'refused', series: 0, message: answer.message };
  const { count: series } = answer;
  return { asked, result: series > 0 ? 'data' : 'empty', series, message: null };
}

/** What is found in a query that the rules find no error in. */
export function liveFindings(
  { source, parsed, findings }: JudgedQuery,
  { result, message, asked }: LiveVerdict,
): readonly RuleFinding[] {
  const isKnown = findings.some(({ severity }) => severity === 'error');
  const place = { from: 0, to: source.text.length };
  if (isKnown || (result !== 'empty' && result !== 'refused')) return [];
  if (result === 'refused')
    return [
      {
        ...place,
        rule: 'live-error',
        severity: parsed.variables.length > 0 ? 'warning' : 'error',
        message: `Prometheus refuses it: ${message}`,
        remedy: `asked was ${asked}`,
      },
    ];
  if (asksForAbsence(parsed)) return [];
  return [
    {
      ...place,
      rule: 'live-empty',
      severity: 'warning',
      message: 'it returned nothing there, and no rule says why',
      remedy: `see whether the server is scraped, whether it has had such traffic, and whether its labels are these; asked was ${asked}`,
    },
  ];
}
