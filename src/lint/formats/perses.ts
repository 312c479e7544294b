/**
 * What Perses asks: panels and variables of dashboards, by the kinds of their plugins.
 *
 * Source: perses/plugins prometheus/schemas
 */
import { listAt, type MapNode, mapAt, textAt, wordAt } from './file-node.ts';
import { type FoundQuery, found } from './found-query.ts';

const ONE_VALUE: ReadonlySet<string> = new Set(['StatChart', 'GaugeChart']);

/** A panel: its queries are plugins. */
export function persesPanelQueries(panel: MapNode): readonly FoundQuery[] {
  if (wordAt(panel, 'kind') !== 'Panel') return [];
  const title = wordAt(panel, 'spec', 'display', 'name');
  const showsOne = ONE_VALUE.has(wordAt(panel, 'spec', 'plugin', 'kind'));
  return (listAt(panel, 'spec', 'queries') ?? []).flatMap((query) => {
    const plugin = mapAt(query, 'spec', 'plugin');
    if (plugin === null || wordAt(plugin, 'kind') !== 'PrometheusTimeSeriesQuery') return [];
    const wantsOneValue =
      showsOne && !/\bengine\b/.test(wordAt(plugin, 'spec', 'seriesNameFormat'));
    return found('panel', title, textAt(plugin, 'spec', 'query')).map((asks) => ({
      ...asks,
      wantsOneValue,
    }));
  });
}

/** A variable whose values are asked for. */
export function persesVariableQueries(variable: MapNode): readonly FoundQuery[] {
  const plugin = wordAt(variable, 'spec', 'plugin', 'kind');
  if (!plugin.startsWith('Prometheus')) return [];
  const name = wordAt(variable, 'spec', 'name') || wordAt(variable, 'metadata', 'name');
  const matchers = listAt(variable, 'spec', 'plugin', 'spec', 'matchers') ?? [];
  return found(
    'variable',
    name,
    textAt(variable, 'spec', 'plugin', 'spec', 'expr'),
    ...matchers.map((matcher) => textAt(matcher)),
  );
}
