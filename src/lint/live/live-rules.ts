import type { Rule } from '../rules/rule-table.ts';

/** What only a Prometheus can say, beside the rules that queries are judged by without one. */
export const LIVE_RULES = [
  {
    id: 'live-empty',
    severity: 'warning',
    title: 'The Prometheus that was asked has nothing for it',
    why: 'No rule has an error to tell of the query, and it returned nothing with everything let in by its variables and thresholds. Then it is not the query alone: the server is not scraped there, had no such traffic, or is labelled otherwise.',
    source: 'Prometheus, /api/v1/query: an empty result',
    remedy: 'See `up` of the job, the labels that the deployment adds, and the time (`--at`).',
  },
  {
    id: 'live-error',
    severity: 'error',
    title: 'The Prometheus that was asked refuses it',
    why: 'It was understood here, and Prometheus answers with an error: two series for one in a join, a function that this version does not know. With variables in the query it is a warning, since their values here may be what is refused.',
    source: 'Prometheus, /api/v1/query: status error',
    remedy: "Mend what Prometheus' own words name; the finding repeats them, and what was asked.",
  },
] as const satisfies readonly Omit<Rule, 'example' | 'mended'>[];
