/**
 * A query as a file holds it, in whatever format: what the readers of formats make, and what the rules judge. Offsets
 * count UTF-16 units, as JavaScript's strings do.
 */
export interface SourceQuery {
  readonly kind: QueryKind;
  /** Panel, alert, trigger, … as the file calls it; empty where it has no name. */
  readonly title: string;
  /** Of a panel that shows one figure and names no engine beside it: several series are several figures there. */
  readonly wantsOneValue?: boolean;
  /** PromQL as the format's own unescaping leaves it, Grafana's variables still in it; for `metric-name` a name alone. */
  readonly text: string;
  /** Where each unit of `text` begins in the file: `offsets[i]`, and one more for the end. */
  readonly offsets: readonly number[];
  /** Of the query's beginning in the file, from 1. */
  readonly line: number;
  /** How an inserted text must be written in the file at this place: in a JSON string, a quoted YAML scalar, as it is. */
  readonly escape: (text: string) => string;
}

/**
 * `variable` is `label_values()` and the like of Grafana; `metric-name` is what autoscalers are given instead of a query;
 * `query` is PromQL by itself: `--query`, a .promql file, a block of a document.
 */
export type QueryKind =
  | 'panel'
  | 'variable'
  | 'annotation'
  | 'alert'
  | 'record'
  | 'scaledobject'
  | 'adapter'
  | 'metric-name'
  | 'query';
