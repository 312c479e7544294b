/**
 * Finds everything that is asked in what a file holds, by the form of its objects, wherever they stand: a dashboard is a
 * file, or in an envelope, a list, a chart's values, or text in a ConfigMap, and so are rules.
 */
import {
  adapterQueries,
  annotatedMetricNames,
  inferenceMetricQueries,
  scaledMetricNames,
  targetMetricNames,
  triggerQueries,
} from './autoscalers.ts';
import { policyQueries, widgetQueries } from './cloud-monitoring.ts';
import type { FileNode, MapNode, TextNode } from './file-node.ts';
import { mapAt, wordAt } from './file-node.ts';
import type { FoundQuery } from './found-query.ts';
import { elementQueries, listedQueries, managedRuleQueries, panelQueries } from './grafana.ts';
import { readLenientJson } from './lenient-json.ts';
import { persesPanelQueries, persesVariableQueries } from './perses.ts';
import { within } from './placed-text.ts';
import { readYaml } from './read-yaml.ts';
import { ruleQueries } from './rules.ts';
import { Unreadable } from './unreadable.ts';

/** What a text has that is a file in a file. */
const HOLDS_FILE =
  /["']?\b(expr|query|panels|targets|seriesQuery|metricsQuery|targetMetric|containerQuery|prometheusQuery)["']?\s*:/;

export function findQueries(documents: readonly FileNode[]): readonly FoundQuery[] {
  const finder = new QueryFinder();
  for (const document of documents) finder.look(document, '');
  return finder.queries;
}

class QueryFinder {
  readonly queries: FoundQuery[] = [];
  /** Each object once: an alias of YAML can stand for one that it is in. */
  readonly #seen = new Set<FileNode>();

  look(node: FileNode, objectName: string): void {
    if (node.kind === 'other' || this.#seen.has(node)) return;
    this.#seen.add(node);
    if (node.kind === 'list') for (const item of node.items) this.look(item, objectName);
    if (node.kind === 'text') this.#lookInside(node, objectName);
    if (node.kind !== 'map') return;
    const name = nameOf(node) || objectName;
    const queries = queriesOf(node, name);
    this.queries.push(...queries);
    // What is asked is no file, whatever it looks like.
    for (const { text } of queries) this.#seen.add(text);
    for (const child of node.entries.values()) this.look(child, name);
  }

  #lookInside(text: TextNode, objectName: string): void {
    if (!HOLDS_FILE.test(text.value)) return;
    for (const document of documentsIn(text)) this.look(document, objectName);
  }
}

function documentsIn(text: TextNode): readonly FileNode[] {
  const source = within(text.placed());
  try {
    if (/^\s*[{[]/.test(text.value)) return [readLenientJson(source)];
    return text.value.includes('\n') ? readYaml(source).documents : [];
  } catch (cause) {
    // Prose, or a template of another kind: it was never said to be a file.
    if (cause instanceof Unreadable) return [];
    throw cause;
  }
}

function queriesOf(node: MapNode, objectName: string): readonly FoundQuery[] {
  const has = (key: string): boolean => node.entries.has(key);
  return [
    ...(has('expr') ? ruleQueries(node) : []),
    ...(has('targets') ? panelQueries(node) : []),
    ...(has('templating') || has('annotations') ? listedQueries(node) : []),
    ...(has('data') ? managedRuleQueries(node) : []),
    ...(has('kind') ? [...elementQueries(node), ...persesPanelQueries(node)] : []),
    ...(has('kind') && has('spec') ? persesVariableQueries(node) : []),
    ...(has('type') ? triggerQueries(node, objectName) : []),
    ...(has('type') ? scaledMetricNames(node, objectName) : []),
    ...(has('seriesQuery') || has('metricsQuery') || has('containerQuery')
      ? adapterQueries(node)
      : []),
    ...(has('targetMetric') ? targetMetricNames(node, objectName) : []),
    ...(has('backend') ? inferenceMetricQueries(node, objectName) : []),
    ...(has('annotations') ? annotatedMetricNames(node, objectName) : []),
    ...(has('title') && !has('panels') && !has('targets') ? widgetQueries(node) : []),
    ...(has('conditions') ? policyQueries(node) : []),
  ];
}

/** What an object of Kubernetes is called. */
const nameOf = (node: MapNode): string =>
  node.entries.has('kind') && mapAt(node, 'metadata') !== null
    ? wordAt(node, 'metadata', 'name')
    : '';
