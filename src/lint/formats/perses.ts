/**
 * What Perses asks: panels and variables of dashboards, by the kinds of their plugins.
 *
 * Source: perses/plugins prometheus/schemas
 */
import { listAt, type MapNode, textAt, wordAt } from './file-node.ts';
import { type FoundQuery, found } from './found-query.ts';

/** A panel: its queries are plugins. */
export function persesPanelQueries(panel: MapNode): readonly FoundQuery[] {
  if (wordAt(panel, 'kind') !== 'Panel') return [];
  const title = wordAt(panel, 'spec', 'display', 'name');
  return (listAt(panel, 'spec', 'queries') ?? []).flatMap((query) =>
    wordAt(query, 'spec', 'plugin', 'kind') === 'PrometheusTimeSeriesQuery'
      ? found('panel', title, textAt(query, 'spec', 'plugin', 'spec', 'query'))
      : [],
  );
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
