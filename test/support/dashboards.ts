/** The dashboards of deploy/grafana: their panels with the queries that each asks. */
import { readFileSync } from 'node:fs';
import { sourceFiles } from './source-files.ts';

export interface Panel {
  readonly type: string;
  readonly id: number;
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly queries: readonly string[];
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
}

export interface Dashboard {
  readonly path: string;
  readonly uid: string;
  /** Names of its variables. */
  readonly variables: readonly string[];
  /** What its variables ask for. */
  readonly variableQueries: readonly string[];
  readonly panels: readonly Panel[];
}

interface DashboardFile {
  readonly uid: string;
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: string | { query: string } }[];
  };
  readonly panels: readonly (Omit<Panel, 'unit' | 'queries'> & {
    readonly fieldConfig?: { readonly defaults: { readonly unit: string } };
    readonly targets?: readonly { readonly expr: string }[];
  })[];
}

/** All of them, rows left out. */
export function readDashboards(): readonly Dashboard[] {
  return sourceFiles('deploy/grafana/dashboards', '.json').map(({ path }) => {
    const file = JSON.parse(
      readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'),
    ) as DashboardFile;
    return {
      path,
      uid: file.uid,
      variables: file.templating.list.map(({ name }) => name),
      variableQueries: file.templating.list.flatMap(({ query }) =>
        typeof query === 'string' ? [] : [query.query],
      ),
      panels: file.panels
        .filter(({ type }) => type !== 'row')
        .map(({ fieldConfig, targets, ...panel }) => ({
          ...panel,
          unit: fieldConfig?.defaults.unit ?? '',
          queries: targets?.map(({ expr }) => expr) ?? [],
        })),
    };
  });
}

/** A query as Grafana sends it with every variable at All. */
export function filledIn(query: string): string {
  return query.replaceAll('$__rate_interval', '1m').replace(/\$\{?\w+\}?/g, '.*');
}
