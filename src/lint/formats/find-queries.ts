/**
 * Finds everything that is asked in what a file holds, by the form of its objects, wherever they stand: a dashboard is a
 * file, or in an envelope, a list, a chart's values, or text in a ConfigMap, and so are rules.
 */
import {
  adapterQueries,
  annotatedMetricNames,
  inferenceMetricQueries,
  policySourceQueries,
  scaledMetricNames,
  targetMetricNames,
  triggerQueries,
} from './autoscalers.ts';
import { policyQueries, widgetQueries } from './cloud-monitoring.ts';
import type { FileNode, MapNode, TextNode } from './file-node.ts';
import { mapAt, wordAt } from './file-node.ts';
import type { FoundQuery } from './found-query.ts';
import { elementQueries, listedQueries, managedRuleQueries, panelQueries } from './grafana.ts';
import { objectiveQueries, serviceLevelQueries } from './objectives.ts';
import { MAX_UNPACKED, unpacked } from './packed-text.ts';
import { persesPanelQueries, persesVariableQueries } from './perses.ts';
import { type Source, stretch, within } from './placed-text.ts';
import { readJson } from './read-json.ts';
import { readYaml } from './read-yaml.ts';
import { ruleQueries } from './rules.ts';
import { Unreadable } from './unreadable.ts';

/** What a text has that is a file in a file. */
const HOLDS_FILE =
  /["']?\b(expr|query|panels|targets|seriesQuery|metricsQuery|targetMetric|containerQuery|prometheusQuery)["']?\s*:/;

export interface FoundInFile {
  readonly queries: readonly FoundQuery[];
  /** A file inside the file that cannot be read, with its place there. */
  readonly problem: Unreadable | null;
}

export function findQueries(documents: readonly FileNode[]): FoundInFile {
  const finder = new QueryFinder();
  for (const document of documents) finder.look(document, { objectName: '', key: '' });
  return finder;
}

/** Where an object stands. */
interface Surroundings {
  /** Of the object of Kubernetes that it is in. */
  readonly objectName: string;
  /** Under which it stands. */
  readonly key: string;
}

/** Keys of texts that are files by their name. */
const IS_FILE = /\.(json|ya?ml)$|^gzipJson$/i;

class QueryFinder implements FoundInFile {
  readonly queries: FoundQuery[] = [];
  problem: Unreadable | null = null;
  /** Each object once: an alias of YAML can stand for one that it is in. */
  readonly #seen = new Set<FileNode>();
  /** Bytes that may still come out of base64. */
  #numLeft = MAX_UNPACKED;

  look(node: FileNode, around: Surroundings): void {
    if (node.kind === 'other' || this.#seen.has(node)) return;
    this.#seen.add(node);
    if (node.kind === 'list') for (const item of node.items) this.look(item, around);
    if (node.kind === 'text') this.#lookInside(node, around);
    if (node.kind !== 'map') return;
    const objectName = nameOf(node) || around.objectName;
    const queries = queriesOf(node, { objectName, key: around.key });
    this.queries.push(...queries);
    // What is asked is no file, whatever it looks like.
    for (const { text } of queries) this.#seen.add(text);
    for (const [key, child] of node.entries) {
      if (child.kind === 'text' && (key === 'gzipJson' || around.key === 'binaryData'))
        this.#lookUnpacked(child, { objectName, key });
      else this.look(child, { objectName, key });
    }
  }

  #lookInside(text: TextNode, around: Surroundings): void {
    if (HOLDS_FILE.test(text.value)) this.#lookInto(within(text.placed()), around);
  }

  #lookUnpacked(field: TextNode, around: Surroundings): void {
    const source = this.#numLeft > 0 ? unpacked(field, this.#numLeft) : null;
    if (source === null) {
      // Else it may be a picture, or anything: nobody said that it was a file.
      if (!IS_FILE.test(around.key)) return;
      const [at = 0] = field.placed().offsets;
      const why = 'it is no base64, damaged, or too long with the others';
      this.problem ??= new Unreadable(`${around.key} cannot be unpacked: ${why}`, at);
      return;
    }
    this.#numLeft -= Buffer.byteLength(source.text);
    if (HOLDS_FILE.test(source.text)) this.#lookInto(source, around);
  }

  #lookInto(source: Source, around: Surroundings): void {
    try {
      for (const document of documentsIn(source)) this.look(document, around);
    } catch (cause) {
      if (!(cause instanceof Unreadable)) throw cause;
      // Else it is prose, or a template of another kind: nobody said that it was a file.
      if (!IS_FILE.test(around.key)) return;
      const [at = 0] = stretch(source, cause.at, cause.at).offsets;
      this.problem ??= new Unreadable(`${around.key} ${cause.message}`, at);
    }
  }
}

function documentsIn(source: Source): readonly FileNode[] {
  if (/^\s*[{[]/.test(source.text)) return [readJson(source)];
  return source.text.includes('\n') ? readYaml(source).documents : [];
}

function queriesOf(node: MapNode, { objectName, key }: Surroundings): readonly FoundQuery[] {
  const has = (key: string): boolean => node.entries.has(key);
  return [
    ...(has('expr') || (key === 'rules' && has('expression')) ? ruleQueries(node) : []),
    ...(has('targets') ? panelQueries(node) : []),
    ...(has('templating') || has('annotations') ? listedQueries(node) : []),
    ...(has('data') ? managedRuleQueries(node) : []),
    ...(has('kind') ? [...elementQueries(node), ...persesPanelQueries(node)] : []),
    ...(has('kind') && has('spec') ? persesVariableQueries(node) : []),
    ...(has('type') ? triggerQueries(node, objectName) : []),
    ...(has('type') ? scaledMetricNames(node, objectName) : []),
    ...(has('seriesQuery') || has('metricsQuery') || has('containerQuery') || has('nodeQuery')
      ? adapterQueries(node)
      : []),
    ...(has('targetMetric') ? targetMetricNames(node, objectName) : []),
    ...(has('backend') ? inferenceMetricQueries(node, objectName) : []),
    ...(key === 'prometheus' && has('serverURL') ? policySourceQueries(node, objectName) : []),
    ...(has('kind') && has('spec') ? objectiveQueries(node, objectName) : []),
    ...(key === 'events' || key === 'raw' ? serviceLevelQueries(node, objectName) : []),
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
