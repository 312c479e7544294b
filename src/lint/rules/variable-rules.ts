/** What a dashboard's variables ask for: `label_values(metric, label)`. */
import type { ParsedQuery } from '../promql/parse.ts';
import type { Draft, RuleContext } from './draft.ts';
import { wrongLabel } from './label-names.ts';
import { wrongLabelWords } from './label-rules.ts';
import { mayHave } from './label-set.ts';

/** A label that the selected series have not: the variable has no values. */
export function variableRules(context: RuleContext, { call }: ParsedQuery): readonly Draft[] {
  const { root, facts } = context;
  const label = call?.label ?? null;
  if (label === null || root.kind !== 'selector' || root.name === null) return [];
  const { family, labels, isEmpty } = facts.of(root);
  if (family === null || isEmpty || mayHave(labels, label.name)) return [];
  const series = root.name.text;
  const wrong = wrongLabel(label.name, family, series, facts.against.catalogue, null);
  if (wrong === null) return [];
  const name = { text: label.name, from: label.from, to: label.to, isVariable: false };
  const words = wrongLabelWords(name, wrong, family, series, context);
  return [{ ...words, at: name, severity: 'error' }];
}
