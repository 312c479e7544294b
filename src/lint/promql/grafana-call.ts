/** What Grafana's variables are asked with: functions of its own around a selector or a query. */
export interface GrafanaCall {
  readonly function: 'label_values' | 'label_names' | 'metrics' | 'query_result';
  /** The label whose values are wanted, and its place. */
  readonly label: { readonly name: string; readonly from: number; readonly to: number } | null;
}

// Source: grafana/grafana packages/grafana-prometheus/src/metric_find_query.ts
const LABEL_VALUES =
  /^(\s*label_values\s*\(\s*)(?:([\s\S]+)(,\s*))?([a-zA-Z_$][\w:.{}$]*)\s*\)\s*$/;
const QUERY_RESULT = /^(\s*query_result\s*\()([\s\S]+)\)\s*$/;
const OTHERS = /^\s*(metrics|label_names)\s*\([\s\S]*\)\s*$/;

/** The text without the function, as long as before; as it is where there is none. */
export function unwrapGrafanaCall(text: string): {
  readonly call: GrafanaCall | null;
  readonly text: string;
} {
  if (!text.includes('(')) return { call: null, text };
  const values = LABEL_VALUES.exec(text);
  if (values !== null) {
    const [, open = '', selector = '', comma = '', name = ''] = values;
    const from = open.length + selector.length + comma.length;
    return {
      call: { function: 'label_values', label: { name, from, to: from + name.length } },
      text: (' '.repeat(open.length) + selector).padEnd(text.length),
    };
  }
  const result = QUERY_RESULT.exec(text);
  if (result !== null) {
    const [, open = '', query = ''] = result;
    return {
      call: { function: 'query_result', label: null },
      text: (' '.repeat(open.length) + query).padEnd(text.length),
    };
  }
  const other = OTHERS.exec(text)?.[1];
  if (other !== 'metrics' && other !== 'label_names') return { call: null, text };
  return { call: { function: other, label: null }, text: ' '.repeat(text.length) };
}
