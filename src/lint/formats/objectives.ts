/** What decides by Prometheus whether a release goes on, or a service keeps its promise. */
import { listAt, type MapNode, mapAt, textAt, wordAt } from './file-node.ts';
import { type FoundQuery, found } from './found-query.ts';

/** An object of Kubernetes that asks by its kind. */
export function objectiveQueries(object: MapNode, objectName: string): readonly FoundQuery[] {
  const spec = mapAt(object, 'spec');
  if (spec === null) return [];
  switch (wordAt(object, 'kind')) {
    case 'AnalysisTemplate':
    case 'ClusterAnalysisTemplate':
    case 'AnalysisRun':
      return analysisQueries(spec, objectName);
    // Source: fluxcd/flagger pkg/apis/flagger/v1beta1 MetricTemplateSpec
    case 'MetricTemplate':
      return wordAt(spec, 'provider', 'type') === 'prometheus'
        ? found('query', objectName, textAt(spec, 'query'))
        : [];
    case 'ServiceLevelObjective':
      return indicatorQueries(spec, objectName);
    default:
      return [];
  }
}

/** Source: argoproj/argo-rollouts pkg/apis/rollouts/v1alpha1 PrometheusMetric */
const analysisQueries = (spec: MapNode, objectName: string): readonly FoundQuery[] =>
  (listAt(spec, 'metrics') ?? []).flatMap((metric) =>
    found(
      'query',
      wordAt(metric, 'name') || objectName,
      textAt(metric, 'provider', 'prometheus', 'query'),
    ),
  );

/** Source: pyrra-dev/pyrra kubernetes/api/v1alpha1 ServiceLevelIndicator, whose metrics are selectors */
function indicatorQueries(spec: MapNode, objectName: string): readonly FoundQuery[] {
  const kinds = mapAt(spec, 'indicator')?.entries.values() ?? [];
  return [...kinds].flatMap((kind) =>
    ['errors', 'success', 'total'].flatMap((part) =>
      found('query', objectName, textAt(kind, part, 'metric')),
    ),
  );
}

/** Events of a service level, in an object or a file. Source: slok/sloth pkg/prometheus/api/v1 SLIEvents, SLIRaw */
export const serviceLevelQueries = (events: MapNode, objectName: string): readonly FoundQuery[] =>
  found(
    'query',
    objectName,
    ...['error', 'total', 'errorRatio'].flatMap((part) => [
      textAt(events, `${part}Query`),
      textAt(events, `${part.replace('R', '_r')}_query`),
    ]),
  );
