/** What autoscalers ask: KEDA and the Prometheus adapter by queries, HPAs and AIBrix by names. */
import { type MapNode, mapAt, type TextNode, textAt, wordAt } from './file-node.ts';
import { type FoundQuery, found } from './found-query.ts';
import type { PlacedText } from './placed-text.ts';

const PREFIX = 'vllm:';

/** A trigger of a ScaledObject. Source: kedacore/keda pkg/scalers/prometheus_scaler.go prometheusMetadata */
export function triggerQueries(trigger: MapNode, objectName: string): readonly FoundQuery[] {
  const type = wordAt(trigger, 'type');
  const metadata = mapAt(trigger, 'metadata');
  if (metadata === null) return [];
  // Another's scaler, which reads /metrics itself, is told a name.
  if (type === 'external' && wordAt(metadata, 'metricName').startsWith(PREFIX))
    return found('metric-name', objectName, textAt(metadata, 'metricName'));
  if (type !== 'prometheus') return [];
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
    withSeries(textAt(rule, 'metricsQuery'), wordAt(rule, 'seriesQuery')),
    textAt(rule, 'containerQuery'),
    textAt(rule, 'nodeQuery'),
  );
}

const SERIES = '<<.Series>>';
/** A name by itself, before a selector, or as the one that `__name__` can have. */
const ONE_SERIES = /^\s*([a-zA-Z_:][\w:]*)\s*(?:\{|$)|__name__\s*=~?\s*["']\^?([\w:]+)\$?["']/;

/**
 * The query with the name of its series, where there is one: the adapter asks it so. The name has no place of its own in
 * the file, so that nothing in it can be rewritten.
 */
function withSeries(query: TextNode | null, seriesQuery: string): TextNode | null {
  const [, first, second] = ONE_SERIES.exec(seriesQuery) ?? [];
  const name = first ?? second;
  if (query === null || name === undefined || !query.value.includes(SERIES)) return query;
  return {
    kind: 'text',
    value: query.value.replaceAll(SERIES, name),
    placed: () => expanded(query.placed(), name),
  };
}

function expanded(placed: PlacedText, name: string): PlacedText {
  const offsets: number[] = [];
  let at = 0;
  for (const [i, part] of placed.text.split(SERIES).entries()) {
    if (i > 0) {
      const start = placed.offsets[at] ?? 0;
      for (let k = 0; k < name.length; k++) offsets.push(start);
      at += SERIES.length;
    }
    offsets.push(...placed.offsets.slice(at, at + part.length));
    at += part.length;
  }
  offsets.push(placed.offsets[at] ?? 0);
  return { text: placed.text.replaceAll(SERIES, name), offsets, escape: placed.escape };
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

/** A metric of an InferenceService. Source: kserve/kserve pkg/apis/serving/v1beta1/component.go ExternalMetricSource */
export function inferenceMetricQueries(metric: MapNode, objectName: string): readonly FoundQuery[] {
  if (wordAt(metric, 'backend') !== 'prometheus') return [];
  return found('scaledobject', objectName, textAt(metric, 'query'));
}

/** A source of an AutoscalingPolicy. Source: volcano-sh/kthena pkg/apis/workload/v1alpha1 PrometheusMetricSource */
export function policySourceQueries(source: MapNode, objectName: string): readonly FoundQuery[] {
  return found('scaledobject', objectName, textAt(source, 'query'));
}

/** What an object's annotations tell KAITO. Source: kaito-project/keda-kaito-scaler pkg/controllers, annotations */
export function annotatedMetricNames(meta: MapNode, objectName: string): readonly FoundQuery[] {
  const name = textAt(meta, 'annotations', 'scaledobject.kaito.sh/metricName');
  return found('metric-name', wordAt(meta, 'name') || objectName, name);
}

/** A source of a PodAutoscaler. Source: vllm-project/aibrix api/autoscaling/v1alpha1 MetricSource */
export function targetMetricNames(source: MapNode, objectName: string): readonly FoundQuery[] {
  return found('metric-name', objectName, textAt(source, 'targetMetric'));
}
