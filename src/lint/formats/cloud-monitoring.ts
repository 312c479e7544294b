/** What dashboards and alert policies of Google Cloud Monitoring ask in PromQL. */
import { type FileNode, listAt, type MapNode, textAt, wordAt } from './file-node.ts';
import { type FoundQuery, found } from './found-query.ts';

/** Maps and lists that a query is below the widget that shows it: chart, data sets, a set, its time series query. */
const MAX_LEVELS = 8;

/** A widget. Source: googleapis/googleapis google/monitoring/dashboard/v1/widget.proto Widget */
export function widgetQueries(widget: MapNode): readonly FoundQuery[] {
  return found('panel', wordAt(widget, 'title'), ...promqlBelow(widget, MAX_LEVELS));
}

function* promqlBelow(node: FileNode, levels: number): Generator<ReturnType<typeof textAt>> {
  if (levels === 0) return;
  if (node.kind === 'list') for (const item of node.items) yield* promqlBelow(item, levels - 1);
  if (node.kind !== 'map') return;
  yield textAt(node, 'prometheusQuery');
  // What has a title of its own is a widget of its own.
  for (const child of node.entries.values())
    if (child.kind !== 'map' || !child.entries.has('title')) yield* promqlBelow(child, levels - 1);
}

/** An alert policy. Source: googleapis/googleapis google/monitoring/v3/alert.proto AlertPolicy */
export function policyQueries(policy: MapNode): readonly FoundQuery[] {
  return (listAt(policy, 'conditions') ?? []).flatMap((condition) =>
    found(
      'alert',
      wordAt(condition, 'displayName') || wordAt(policy, 'displayName'),
      textAt(condition, 'conditionPrometheusQueryLanguage', 'query'),
    ),
  );
}
