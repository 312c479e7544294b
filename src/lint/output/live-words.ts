/** What a Prometheus said of queries, in words. */
import type { LiveVerdict } from '../live/live-verdicts.ts';

export function liveWords({ result, series, message }: LiveVerdict): string {
  if (result === 'data') return series === 1 ? '1 series' : `${series} series`;
  if (result === 'empty') return 'nothing';
  return result === 'refused' ? `refused (${message})` : `not asked: ${message}`;
}

export interface LiveTally {
  readonly where: string;
  readonly at: number | null;
  /** Each query's verdict, and whether a rule finds an error in it. */
  readonly verdicts: readonly { readonly verdict: LiveVerdict; readonly isError: boolean }[];
}

/** One line: how the two kinds of verdict go together. */
export function liveSummary({ where, at, verdicts }: LiveTally): string {
  const count = (result: LiveVerdict['result'], isError?: boolean): number =>
    verdicts.filter(
      ({ verdict, isError: is }) =>
        verdict.result === result && (isError === undefined || is === isError),
    ).length;
  const parts = [
    `${count('data')} with data${wrong(count('data', true))}`,
    `${count('empty')} empty${wrong(count('empty', true))}`,
    ...(count('refused') > 0 ? [`${count('refused')} refused`] : []),
    ...(count('not-asked') > 0 ? [`${count('not-asked')} not asked`] : []),
  ];
  const when = at === null ? '' : ` at ${new Date(at * 1000).toISOString().replace('.000Z', 'Z')}`;
  return `${where}${when}: ${parts.join(', ')}`;
}

const wrong = (n: number): string => (n === 0 ? '' : ` (of which the rules call ${n} wrong)`);
