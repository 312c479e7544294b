/** docs/reference/faults.md: the catalogue, made of its specs. */
import { describeDuration } from '../src/shared/duration.ts';
import { FAULT_SPECS } from '../src/shared/faults/catalogue.ts';
import { exampleOf, waysOf } from '../src/shared/faults/fault-entry.ts';
import type { FaultPlace, FaultSpec } from '../src/shared/faults/fault-spec.ts';
import type { FaultParameter } from '../src/shared/faults/parameter.ts';
import { allowedOf } from '../src/shared/faults/read-parameters.ts';
import { FAULT_HEADER, FAULT_KEY } from '../src/shared/protocol/fault-keys.ts';

const GROUPS: Readonly<Record<FaultPlace, string>> = {
  'start-up': 'Start-up',
  engine: 'Engines',
  process: 'Coordinator and API servers',
  wire: 'Wire',
  http: 'HTTP',
  metrics: 'Scrapes',
};

const INTRODUCTION = [
  'A fault makes a state happen on command. What it does is real where it can be: blocks are taken, processes die, bytes',
  'are spoilt; only `metrics.*` shows what is not so. While one is active, `/metrics` has',
  '`vllm_twin_fault_active{fault,engine}` = 1 for it, and the log a line at its begin and its end.',
  '',
  '| way | how |',
  '| --- | --- |',
  '| HTTP | `POST /twin/api/faults` with `{"fault": "engine.hang", "engine": 1, "for": "30s"}`, parameters flat beside them: 201 with a `handle`; `DELETE /twin/api/faults/HANDLE` ends it. `GET /twin/api/faults` is this catalogue, `…/active` what is active |',
  '| shell | `vllm-twin ctl inject engine.hang --engine 1 --for 30s`, `ctl clear HANDLE`, `ctl faults` |',
  '| file | a step of a scenario: `{at: 10s, inject: engine.hang, engine: 1, for: 30s}`; start-up faults come by a file alone, with `at: start` |',
  `| request | with \`--enable-faults\`: in the header \`${FAULT_HEADER}\`, or in \`vllm_xargs\` as \`${FAULT_KEY}\`, a text or a list: \`engine.crash-on-request;after_tokens=3\`, several parted by commas. Without the flag it is ignored |`,
  '',
  'Without `engine` a fault of an engine is one of all engines. Without `for` it lasts until it is ended; momentary ones are',
  'over at once. Durations are `500ms`, `30s`, `5m`, `24h`, or milliseconds. A refused parameter is 400 with `param` and',
  '`allowed`. `--faults none` removes all of it.',
  '',
  'Several may be active at a time. A request is held by all that hold it, one after the other, and then gets the error of',
  'the one that began first. What a scrape shows is changed in this order: counters that began anew, figures that stand still,',
  'held and waving gauges, missing series, older names; of one kind in the order of their beginning. Its delays add up, and the',
  'shortest truncation counts. `vllm_twin_fault_active` is shown as it is under all of them. A fault at HTTP that a request',
  'carries takes that request, whatever `first`, `every`, `share` and `path` say.',
];

export function faultsPage(note: string): string {
  const lines = ['# Faults', '', note, '', ...INTRODUCTION];
  for (const [place, title] of Object.entries(GROUPS)) {
    lines.push('', `## ${title}`);
    for (const spec of FAULT_SPECS) if (spec.place === place) lines.push(...faultLines(spec));
  }
  return `${lines.join('\n')}\n`;
}

function faultLines(spec: FaultSpec): readonly string[] {
  const { id, meaning, inVllm, source, takesEngine, isMomentary, parameters } = spec;
  const whose = takesEngine ? 'Of one engine, or of all.' : "No engine's.";
  const lasts = isMomentary ? 'Momentary.' : 'Until it is ended, or for a time.';
  const entries = Object.entries(parameters);
  return [
    '',
    `### \`${id}\``,
    '',
    `${meaning} ${whose} ${lasts}`,
    '',
    `**vLLM 0.33.0**: ${inVllm}${source === '' ? '' : ` Source: ${source}.`}`,
    '',
    ...(entries.length === 0 ? [] : parameterLines(entries)),
    ...exampleLines(spec),
  ];
}

function parameterLines(entries: readonly (readonly [string, FaultParameter])[]): string[] {
  return [
    '| parameter | what it is | allowed | default |',
    '| --- | --- | --- | --- |',
    ...entries.map(
      ([name, parameter]) =>
        `| \`${name}\` | ${parameter.doc} | ${allowedOf(parameter).replaceAll('|', '\\|')} | ${defaultOf(parameter)} |`,
    ),
    '',
  ];
}

function defaultOf(parameter: FaultParameter): string {
  if (parameter.default === undefined) return 'must be given';
  if (parameter.default === null) return 'none';
  if (parameter.type === 'duration') return describeDuration(parameter.default);
  return `\`${String(parameter.default)}\``;
}

function exampleLines(spec: FaultSpec): string[] {
  const ways = waysOf(spec);
  if (ways.includes('api')) return [`\`vllm-twin ctl ${exampleOf(spec)}\``];
  const fields = Object.entries(spec.example).map(([name, value]) => `, ${name}: ${value}`);
  const engine = spec.takesEngine ? ', engine: 1' : '';
  return [`In a scenario: \`{at: start, inject: ${spec.id}${engine}${fields.join('')}}\``];
}
