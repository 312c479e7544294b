/**
 * What Grafana asks: panels of dashboards old and new, of rows and libraries, variables, annotations, alert rules. Each
 * function looks at one object of a file and says what is asked in it; nothing outside.
 *
 * Source: grafana/grafana kinds/dashboard/dashboard_kind.cue, apps/dashboard/kinds/v2beta1/dashboard_spec.cue
 */
import { isOthers, isPrometheus, isPrometheusKind } from './datasource.ts';
import { type FileNode, listAt, type MapNode, mapAt, textAt, wordAt } from './file-node.ts';
import { type FoundQuery, found } from './found-query.ts';

/** `label_values(…)` and its like, which Prometheus does not have: then it is Prometheus that is asked. */
const PROMETHEUS_CALL = /^\s*(label_values|label_names|metrics|query_result)\s*\(/;

/** They show a figure for each series; a row of bars is meant to be several. */
const ONE_VALUE: ReadonlySet<string> = new Set(['stat', 'gauge', 'singlestat']);

const wantsOneValue = (type: string, legend: string): boolean =>
  ONE_VALUE.has(type) && !/\bengine\b/.test(legend);

/** A panel with its targets; a row has panels instead. `inherited`: what the dashboard says of its datasource. */
export function panelQueries(panel: MapNode): readonly FoundQuery[] {
  const targets = listAt(panel, 'targets') ?? [];
  const title = wordAt(panel, 'title') || wordAt(panel, 'libraryPanel', 'name');
  const ofPanel = isPrometheus(panel);
  return targets.flatMap((target) => {
    const isAsked = isPrometheus(target) ?? ofPanel;
    if (isAsked === false) return [];
    const text = textAt(target, 'expr');
    // Prometheus calls it expr; `query` is many others', and of a few versions of Explore.
    const asQuery = isAsked === true && text === null ? textAt(target, 'query') : null;
    const isOne = wantsOneValue(wordAt(panel, 'type'), wordAt(target, 'legendFormat'));
    return found('panel', title, text ?? asQuery).map((query) => ({
      ...query,
      wantsOneValue: isOne,
    }));
  });
}

/** A panel, a variable or an annotation of the newer form. */
export function elementQueries(element: MapNode): readonly FoundQuery[] {
  const spec = mapAt(element, 'spec');
  if (spec === null) return [];
  const kind = wordAt(element, 'kind');
  if (kind === 'Panel') {
    const title = wordAt(spec, 'title');
    // The kind was the panel's type in the first versions of this form, and stands in the group since.
    const type = wordAt(spec, 'vizConfig', 'group') || wordAt(spec, 'vizConfig', 'kind');
    return (listAt(spec, 'data', 'spec', 'queries') ?? []).flatMap((query) => {
      const asked = mapAt(query, 'spec', 'query');
      if (asked === null || !isPrometheusKind(asked)) return [];
      const isOne = wantsOneValue(type, wordAt(asked, 'spec', 'legendFormat'));
      return found('panel', title, textAt(asked, 'spec', 'expr')).map((asks) => ({
        ...asks,
        wantsOneValue: isOne,
      }));
    });
  }
  const query = mapAt(spec, 'query');
  if (query === null || !isPrometheusKind(query)) return [];
  if (kind === 'QueryVariable')
    return found(
      'variable',
      wordAt(spec, 'name'),
      textAt(query, 'spec', 'query') ??
        textAt(query, 'spec', '__legacyStringValue') ??
        textAt(query, 'spec', 'expr'),
    );
  if (kind === 'AnnotationQuery')
    return found('annotation', wordAt(spec, 'name'), textAt(query, 'spec', 'expr'));
  return [];
}

/** `templating` and `annotations` of a dashboard. */
export function listedQueries(dashboard: MapNode): readonly FoundQuery[] {
  const variables = listAt(dashboard, 'templating', 'list') ?? [];
  const annotations = listAt(dashboard, 'annotations', 'list') ?? [];
  return [
    ...variables.flatMap(variableQueries),
    ...annotations.flatMap((annotation) =>
      isPrometheus(annotation) === false
        ? []
        : found(
            'annotation',
            wordAt(annotation, 'name'),
            textAt(annotation, 'expr') ?? textAt(annotation, 'target', 'expr'),
          ),
    ),
  ];
}

/** A variable's query is a string, and an object that has it since Grafana 7; `definition` repeats it. */
function variableQueries(variable: FileNode): readonly FoundQuery[] {
  if (!/^(query|)$/.test(wordAt(variable, 'type')) || isPrometheus(variable) === false) return [];
  const text =
    textAt(variable, 'query', 'query') ??
    textAt(variable, 'query', 'expr') ??
    textAt(variable, 'query') ??
    textAt(variable, 'definition');
  const isAsked = isPrometheus(variable) === true || PROMETHEUS_CALL.test(text?.value ?? '');
  return isAsked ? found('variable', wordAt(variable, 'name'), text) : [];
}

/** A rule that Grafana evaluates itself: queries and expressions over their results. */
export function managedRuleQueries(rule: MapNode): readonly FoundQuery[] {
  const title = wordAt(rule, 'title') || wordAt(rule, 'name');
  return (listAt(rule, 'data') ?? []).flatMap((query) => {
    const model = mapAt(query, 'model');
    if (model === null || isOthers(wordAt(query, 'datasourceUid'))) return [];
    return isPrometheus(model) === false ? [] : found('alert', title, textAt(model, 'expr'));
  });
}
