/** `vllm-twin lint FILE…` as main.ts calls it. */
import { RULE_IDS } from '../../lint/every-rule.ts';
import { FEATURES } from '../../lint/rules/features.ts';
import { CATALOGUE_VERSIONS } from '../../shared/metric-catalogue/metric-catalogue.ts';
import type { Command, CommandFlag } from '../command.ts';
import { parseOwnFlags } from '../flags/own-flags.ts';
import { diagramWidth } from '../frames/diagram-width.ts';
import { runLint } from './run-lint.ts';
import { readLintSettings } from './settings.ts';

const SUBJECT: readonly CommandFlag[] = [
  { name: 'query', takes: 'value', doc: 'PromQL by itself; can be repeated' },
];

const TARGET: readonly CommandFlag[] = [
  {
    name: 'vllm',
    takes: 'value',
    doc: 'Versions of vLLM that the queries are for, such as 0.28.0,0.33.0; default 0.33.0',
    values: CATALOGUE_VERSIONS,
  },
  {
    name: 'with',
    takes: 'value',
    doc: 'Flags that the server runs with and that bring metrics of their own, such as lora,connector=NixlConnector; default none',
    values: FEATURES.map(({ name }) => name),
  },
  {
    name: 'ignore',
    takes: 'value',
    doc: 'Rules of which nothing is said',
    values: RULE_IDS,
  },
];

const SHOWN: readonly CommandFlag[] = [
  { name: 'json', takes: 'switch', doc: 'One JSON object: {"findings": […], …}' },
  {
    name: 'sarif',
    takes: 'value',
    doc: 'Write SARIF 2.1.0 for a code host into this file besides; - is standard output, instead of the text',
  },
  {
    name: 'rules',
    takes: 'switch',
    doc: 'List the rules; docs/reference/lint.md has a page of each',
  },
];

const CHANGE: readonly CommandFlag[] = [
  {
    name: 'fix',
    takes: 'switch',
    doc: 'Rewrite in the files what is certain, and nothing else; of --query print it',
  },
];

const LIVE: readonly CommandFlag[] = [
  {
    name: 'live',
    takes: 'value',
    doc: 'Run each query besides: the URL of a Prometheus, or a file or folder of simulate --openmetrics',
  },
  {
    name: 'at',
    takes: 'value',
    doc: 'When --live is asked: seconds since 1970, or a time such as 2026-01-31T12:00:00Z; default now, or the end of a simulation',
  },
];

export const lintCommand: Command = {
  name: 'lint',
  usage: 'lint FILE…|FOLDER|- [--query PROMQL] [flags]',
  summary:
    'Judge dashboards, rules and autoscalers: what returns nothing from vLLM, why, and what to write instead.',
  positional: 'file',
  readsSettings: false,
  examples: [
    [
      'lint grafana.json rules.yaml',
      'Grafana, Prometheus, KEDA, prometheus-adapter, Perses, PromQL',
    ],
    ['lint deploy', 'a folder, with all that is in it'],
    ["lint --query 'rate(vllm:num_preemptions[5m])'", 'one query'],
    ['lint deploy --vllm 0.28.0,0.33.0', 'what an upgrade breaks'],
    ['lint grafana.json --with lora,speculative', 'a server with these flags'],
    ['lint deploy --fix', 'mend what is certain'],
    ['lint deploy --sarif lint.sarif', 'for a code host; see docs/guides/lint.md'],
    ['lint deploy --live http://localhost:9090', 'what returns nothing there'],
  ],
  flags: [
    { title: 'What is judged', flags: SUBJECT },
    { title: 'By what', flags: TARGET },
    { title: 'What is shown', flags: SHOWN },
    { title: 'Mending', flags: CHANGE },
    { title: 'A Prometheus', flags: LIVE },
  ],
  async run(words) {
    const own = [...SUBJECT, ...TARGET, ...SHOWN, ...CHANGE, ...LIVE];
    const settings = readLintSettings(parseOwnFlags(words, own, 'lint'), {
      versions: CATALOGUE_VERSIONS,
      features: FEATURES.map(({ name }) => name),
      rules: RULE_IDS,
    });
    return runLint(settings, diagramWidth());
  },
};
