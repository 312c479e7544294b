/** Whose language a query of a dashboard is written in. */
import { type FileNode, mapAt, wordAt } from './file-node.ts';

/** Types of datasources that take PromQL; a variable can be any. */
const PROMETHEUS = /prom|mimir|cortex|thanos|victoriametrics-m|^datasource$|^\$|^\[\[|^-- |^$/i;
/** What people call those that do not, where a type is not said. */
const OTHERS =
  /loki|tempo|elastic|opensearch|influx|cloudwatch|postgres|mysql|mssql|jaeger|zipkin|pyroscope|parca|graphite|testdata|bigquery|clickhouse|victorialogs|stackdriver|infinity|^__expr__$|^-100$/i;

/** A name or a uid that is surely another's. */
export const isOthers = (name: string): boolean => OTHERS.test(name);

/**
 * Of a panel, a target, a variable: false where its `datasource` is another's, null where it says nothing. Grafana writes
 * an object, and wrote a name before.
 */
export function isPrometheus(node: FileNode): boolean | null {
  const object = mapAt(node, 'datasource');
  const type = wordAt(object ?? undefined, 'type');
  const name = wordAt(object ?? undefined, 'uid') || wordAt(node, 'datasource');
  if (type !== '') return PROMETHEUS.test(type) && !/^__expr__$/.test(type);
  if (name !== '') return !isOthers(name);
  return null;
}

/** Of the newer form: a query's own kind, or its group. */
export function isPrometheusKind(query: FileNode | undefined): boolean {
  const kind = wordAt(query, 'kind');
  const type = kind === 'DataQuery' ? wordAt(query, 'group') : kind;
  return PROMETHEUS.test(type);
}
