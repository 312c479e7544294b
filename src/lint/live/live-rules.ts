import type { Severity } from '../finding.ts';

/** What only a Prometheus can say, beside the rules that queries are judged by without one. */
export const LIVE_RULES = [
  {
    id: 'live-empty',
    severity: 'warning',
    title: 'The Prometheus that was asked has nothing for it',
  },
  {
    id: 'live-error',
    severity: 'error',
    title: 'The Prometheus that was asked refuses it',
  },
] as const satisfies readonly { id: string; severity: Severity; title: string }[];
