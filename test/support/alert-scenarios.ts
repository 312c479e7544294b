/** The rules of deploy/prometheus that alert, and the scenarios that try them. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  /** How long the expression must hold; absent: at once. */
  readonly for?: string;
}

export const RULES_FILE = 'deploy/prometheus/rules.yml';

export function readAlertRules(): readonly AlertRule[] {
  const text = readFileSync(new URL(`../../${RULES_FILE}`, import.meta.url), 'utf8');
  const { groups } = parse(text) as {
    readonly groups: readonly { readonly rules: readonly Partial<AlertRule>[] }[];
  };
  return groups
    .flatMap(({ rules }) => rules)
    .filter((rule): rule is AlertRule => rule.alert !== undefined);
}

/** The one that makes it fire, and the one that must not. */
export function scenariosOf({ alert }: AlertRule): {
  readonly fires: string;
  readonly quiet: string;
} {
  const name = alert
    .replace(/^Vllm/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, '-')
    .toLowerCase();
  const path = (kind: string) => `deploy/prometheus/scenarios/${name}.${kind}.yaml`;
  return { fires: path('fires'), quiet: path('quiet') };
}
