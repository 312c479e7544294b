/** What autoscalers ask: KEDA and the Prometheus adapter by queries, HPAs and AIBrix by names. */
import { type MapNode, mapAt, textAt, wordAt } from './file-node.ts';
import { type FoundQuery, found } from './found-query.ts';

/** A trigger of a ScaledObject. Source: kedacore/keda pkg/scalers/prometheus_scaler.go prometheusMetadata */
export function triggerQueries(trigger: MapNode, objectName: string): readonly FoundQuery[] {
  if (wordAt(trigger, 'type') !== 'prometheus') return [];
  const metadata = mapAt(trigger, 'metadata');
  if (metadata === null) return [];
  const title = wordAt(metadata, 'metricName') || wordAt(trigger, 'name') || objectName;
  return found('scaledobject', title, textAt(metadata, 'query'));
}

/** A rule of prometheus-adapter. Source: kubernetes-sigs/prometheus-adapter pkg/config/config.go DiscoveryRule */
export function adapterQueries(rule: MapNode): readonly FoundQuery[] {
  const title = wordAt(rule, 'name', 'as') || wordAt(rule, 'name', 'matches');
  return found(
    'adapter',
    title,
    textAt(rule, 'seriesQuery'),
    textAt(rule, 'metricsQuery'),
    textAt(rule, 'containerQuery'),
    textAt(rule, 'nodeQuery'),
  );
}

/** A metric of a HorizontalPodAutoscaler. Source: kubernetes/api autoscaling/v2 MetricSpec */
export function scaledMetricNames(metric: MapNode, objectName: string): readonly FoundQuery[] {
  const type = wordAt(metric, 'type');
  if (!/^(Pods|Object|External)$/.test(type)) return [];
  const source = mapAt(metric, type.toLowerCase());
  if (source === null) return [];
  const name = textAt(source, 'metric', 'name') ?? textAt(source, 'metricName');
  return found('metric-name', objectName, name);
}

/** A source of a PodAutoscaler. Source: vllm-project/aibrix api/autoscaling/v1alpha1 MetricSource */
export function targetMetricNames(source: MapNode, objectName: string): readonly FoundQuery[] {
  return found('metric-name', objectName, textAt(source, 'targetMetric'));
}
