/** The answers of `versions` for people: plain text of 80 columns. */
import type {
  FamilyChange,
  FamilyFacts,
  MetricDifferences,
} from '../../shared/metric-catalogue/metric-differences.ts';
import type {
  FieldForm,
  StructDifference,
} from '../../shared/protocol/compat/struct-differences.ts';
import type {
  Meeting,
  MessageBreak,
  WireDifferences,
} from '../../shared/protocol/compat/wire-differences.ts';
import type { WaveRules } from '../../shared/protocol/wire-version.ts';
import { type Palette, table, wrap } from '../text-layout.ts';
import {
  type Comparison,
  canStart,
  consequenceOf,
  RANKS_PROBLEMS,
  ranksProblem,
} from './comparison.ts';
import type { KnownVersion } from './known-versions.ts';

const LIST_COLUMNS = [
  { title: 'VERSION', align: 'left' },
  { title: 'WIRE', align: 'left' },
  { title: 'METRICS', align: 'left' },
  { title: 'FAMILIES', align: 'right' },
  { title: 'CACHE_CONFIG_INFO', align: 'right' },
] as const;

export function listText(versions: readonly KnownVersion[], palette: Palette): string {
  const rows = versions.map(({ version, isDefault, isWireKnown, metrics }) => [
    `${version}${isDefault ? ' (default)' : ''}`,
    isWireKnown ? 'known' : '-',
    metrics === null ? 'names only' : 'recorded',
    metrics === null ? '-' : String(metrics.families),
    metrics === null ? '-' : `${metrics.cacheConfigInfoLabels} labels`,
  ]);
  return join([
    ...table(LIST_COLUMNS, rows, { palette }),
    '',
    ...wrap(
      'serve --vllm-version takes those whose wire is known. vllm-twin versions A B tells what differs between any two of all these.',
    ),
  ]);
}

export function comparisonText(comparison: Comparison, palette: Palette): string {
  const { from, to, wire, metrics, unknown } = comparison;
  return join([
    palette.bold(`vLLM ${from} -> ${to}`),
    ...(wire === null ? [] : wireLines(wire, palette)),
    ...metricLines(metrics, palette),
    ...(unknown.length === 0 ? [] : ['', palette.bold('Not known')]),
    ...unknown.flatMap((words) => wrap(words, '  ')),
  ]);
}

function join(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

function wireLines(
  { from, to, structs, ready, parallelConfig, calls, waves, meetings }: WireDifferences,
  palette: Palette,
): readonly string[] {
  const lines = [
    ...structs.changed.flatMap(structLines),
    ...listed('+', structs.added, 'struct'),
    ...listed('-', structs.removed, 'struct'),
    ...listed('+', ready.added, 'READY, with elastic expert parallelism:'),
    ...listed('-', ready.removed, 'READY, with elastic expert parallelism:'),
    ...listed('+', parallelConfig.added, 'parallel_config of INIT:'),
    ...listed('-', parallelConfig.removed, 'parallel_config of INIT:'),
    ...listed('+', calls.added, 'UTILITY'),
    ...listed('-', calls.removed, 'UTILITY'),
    ...(waves === null ? [] : wavesLines(waves.from, waves.to)),
  ];
  return [
    '',
    palette.bold('Wire'),
    ...(lines.length === 0 ? ['  the same'] : lines),
    ...(from === to ? meetings.slice(1) : meetings).flatMap((meeting) =>
      meetingLines(meeting, palette),
    ),
  ];
}

function listed(mark: string, names: readonly string[], what: string): readonly string[] {
  return names.map((name) => `  ${mark} ${what} ${name}`);
}

/** Ranks of a mixture-of-experts model step together: who says so to the coordinator. */
function wavesLines(from: WaveRules, to: WaveRules): readonly string[] {
  const change = (what: string, before: string, after: string): readonly string[] =>
    before === after ? [] : wrap(`~ ${what}: ${before} -> ${after}`, '    ');
  const starter = ({ startedBy }: WaveRules): string =>
    startedBy === 'engine' ? 'start_wave of its engine core' : 'FIRST_REQ of its frontend';
  const report = ({ isStartReported }: WaveRules): string =>
    isStartReported ? 'start_wave of rank 0' : 'not told';
  return [
    '  Waves of mixture-of-experts ranks, to the coordinator',
    ...change('a request while no rank runs', starter(from), starter(to)),
    ...change('the ranks run', report(from), report(to)),
  ];
}

function structLines(struct: StructDifference): readonly string[] {
  const { name, encoding, added, removed, changed, isReordered, breaksPositions } = struct;
  const remarks = [
    ...(encoding === null ? [] : [`${encoding.from} -> ${encoding.to}`]),
    ...(breaksPositions ? ['fields stand at other places'] : []),
    ...(isReordered && !breaksPositions ? ['in another order'] : []),
  ];
  return [
    `  ${name}${remarks.length === 0 ? '' : ` (${remarks.join(', ')})`}`,
    ...added.flatMap((field) => wrap(`+ ${field.name}: ${formText(field)}`, '    ')),
    ...removed.flatMap((field) => wrap(`- ${field.name}: ${formText(field)}`, '    ')),
    ...changed.flatMap((field) =>
      wrap(`~ ${field.name}: ${formText(field.from)} -> ${formText(field.to)}`, '    '),
    ),
  ];
}

function formText({ type, required, default: value }: FieldForm): string {
  return required ? `${type}, required` : `${type} = ${pythonText(value)}`;
}

function pythonText(value: unknown): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return JSON.stringify(value);
}

function meetingLines(meeting: Meeting, palette: Palette): readonly string[] {
  const { engine, frontend, breaks, missingCalls } = meeting;
  const start = canStart(meeting) ? 'starts' : palette.warn('does not start');
  const problem = canStart(meeting) ? ranksProblem(meeting) : null;
  return [
    '',
    `${palette.bold(`Engine core ${engine} under frontend ${frontend}`)}: ${start}`,
    ...(breaks.length + missingCalls.length === 0
      ? ['  every message is understood']
      : breaks.flatMap(breakLines)),
    ...missingCalls.flatMap((method) => [
      `  UTILITY ${method} (frontend -> engine)`,
      ...wrap('the engine core has no such method; the call fails', '    '),
    ]),
    ...(problem === null
      ? []
      : [
          '  data-parallel ranks of a mixture-of-experts model',
          ...wrap(RANKS_PROBLEMS[problem], '    '),
        ]),
  ];
}

function breakLines(one: MessageBreak): readonly string[] {
  const way = one.direction === 'engine_to_frontend' ? 'engine -> frontend' : 'frontend -> engine';
  return [
    `  ${one.message} (${way})`,
    ...one.rejected.flatMap(({ when, words }) => {
      const which = when === null ? 'always' : `with ${when}`;
      return wrap(`rejected ${which}: ${words}; ${consequenceOf(one)}`, '    ');
    }),
    ...one.misread.flatMap(({ when, fields }) =>
      wrap(`misread ${when === null ? 'always' : `with ${when}`}: ${fields.join(', ')}`, '    '),
    ),
    ...(one.dropped.length === 0 ? [] : wrap(`loses ${one.dropped.join(', ')}`, '    ')),
  ];
}

function metricLines(metrics: MetricDifferences, palette: Palette): readonly string[] {
  const { added, removed, renamed, changed, cacheConfigInfo } = metrics;
  const moved = renamed.flatMap(({ from, to, note }) =>
    wrap(`${from} -> ${to.join(', ')} (${note})`, '    '),
  );
  const lines = [
    ...familyLines('+', added),
    ...familyLines('-', removed),
    ...(moved.length === 0 ? [] : ['  renamed', ...moved]),
    ...changeLines(changed ?? []),
  ];
  return [
    '',
    palette.bold('Metrics'),
    ...(lines.length === 0 ? ['  the same'] : lines),
    ...(cacheConfigInfo === null ? [] : labelLines(cacheConfigInfo, palette)),
  ];
}

/** Those that are always there first, then by what they need. */
function familyLines(mark: string, families: readonly FamilyFacts[]): readonly string[] {
  const groups = new Map<string, FamilyFacts[]>([['', []]]);
  for (const family of families) {
    const needs = family.needs?.join(' or ') ?? '';
    groups.set(needs, [...(groups.get(needs) ?? []), family]);
  }
  return [...groups].flatMap(([needs, group]) => [
    ...(needs === '' ? [] : wrap(`with ${needs}:`, '  ')),
    ...group.flatMap((family) => wrap(familyText(mark, family), needs === '' ? '  ' : '    ')),
  ]);
}

function familyText(mark: string, { name, type, note }: FamilyFacts): string {
  const facts = [type, note].filter((fact) => fact !== null);
  return `${mark} ${name}${facts.length === 0 ? '' : ` (${facts.join('; ')})`}`;
}

/** One line a change, with all families that have it. */
function changeLines(changes: readonly FamilyChange[]): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const change of changes) {
    const text = changeText(change);
    groups.set(text, [...(groups.get(text) ?? []), change.name]);
  }
  return [...groups].flatMap(([text, names]) => [
    ...wrap(`~ ${text}:`, '  '),
    ...wrap(names.join(', '), '    '),
  ]);
}

/** Help texts are told to be others, and written out by --json. */
function changeText({ what, from, to }: FamilyChange): string {
  if (what === 'help') return 'another help text';
  const words = what.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${words} ${JSON.stringify(from)} -> ${JSON.stringify(to)}`;
}

function labelLines(
  { added, removed, isReordered }: NonNullable<MetricDifferences['cacheConfigInfo']>,
  palette: Palette,
): readonly string[] {
  const lines = [
    ...added.map(({ name, value }) => `  + ${name}="${value}"`),
    ...removed.map(({ name, value }) => `  - ${name}="${value}"`),
    ...(isReordered ? ['  the others are in another order'] : []),
  ];
  return [
    '',
    `${palette.bold('Labels of vllm:cache_config_info')}, with their default values`,
    ...(lines.length === 0 ? ['  the same'] : lines),
  ];
}
