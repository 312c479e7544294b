import { LIVE_RULES } from './live/live-rules.ts';
import { RULES } from './rules/rule-table.ts';

/** What a finding's `rule` can be: what a query alone shows, then what only a Prometheus can say. */
export const EVERY_RULE = [...RULES, ...LIVE_RULES] as const;

export const RULE_IDS: readonly string[] = EVERY_RULE.map(({ id }) => id);
