/** Rules of Prometheus, in a file of its own, in a PrometheusRule (or VMRule), in values of a chart. */
import { type MapNode, textAt } from './file-node.ts';
import { type FoundQuery, found } from './found-query.ts';

/** Azure's rule groups call it an expression. Source: prometheus/prometheus model/rulefmt/rulefmt.go Rule */
export function ruleQueries(rule: MapNode): readonly FoundQuery[] {
  const expr = textAt(rule, 'expr') ?? textAt(rule, 'expression');
  const alert = textAt(rule, 'alert');
  const record = textAt(rule, 'record');
  if (alert !== null) return found('alert', alert.value, expr);
  return record === null ? [] : found('record', record.value, expr);
}
