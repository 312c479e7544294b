/** docs/versions.md: which vLLM a twin can be, and what differs between them, from the same tables that make it so. */
import { canStart, type RanksProblem, ranksProblem } from '../src/cli/versions/comparison.ts';
import { knownVersions } from '../src/cli/versions/known-versions.ts';
import { metricDifferences } from '../src/shared/metric-catalogue/metric-differences.ts';
import { type Meeting, wireDifferences } from '../src/shared/protocol/compat/wire-differences.ts';
import { WIRE_VERSIONS } from '../src/shared/protocol/versions/wire-versions.ts';
import { SPOKEN_VERSIONS, type SpokenVersion, VLLM_VERSION } from '../src/shared/version.ts';

export function versionsPage(note: string): string {
  const lines = [
    '# Which vLLM a twin is',
    '',
    note,
    '',
    `A twin is vLLM ${VLLM_VERSION} unless \`--vllm-version\` names another release. It then has that release's wire on both sides, its \`/version\` and its \`/metrics\`:`,
    '',
    '```sh',
    'vllm-twin serve --vllm-version 0.31.0',
    'vllm-twin serve --headless --vllm-version 0.28.0 --data-parallel-address 10.0.0.1   # joins a real 0.28.0 frontend',
    'vllm-twin versions                      # which there are',
    'vllm-twin versions 0.31.0 0.33.0        # what changed, and what breaks when the two meet; --json for programs',
    '```',
    '',
    `| follows the version | stays as in ${VLLM_VERSION} |`,
    '| --- | --- |',
    '| every message: fields, their order and defaults; what READY, INIT and the ready response say; the `parallel_config_hash` of MoE ranks; who has them woken for a request | what is scheduled, when, and how large the KV cache is |',
    '| `/version`, `vllm_version` of the ready response, the OpenAPI document, `system_fingerprint`, recordings, the page | requests: which fields of the OpenAI API there are, and their errors |',
    '| `/metrics`: which families there are, their help texts, the labels of `vllm:cache_config_info` with their values | the figures, and the lines of the log |',
    '',
    'Every process of a start says the same version; `--engine-overrides \'{"0": {"vllm_version": "0.28.0"}}\'` makes an engine of another one. It works wherever a twin is started: `simulate`, the flags of a scenario, `startTwin({ vllmVersion })`, `VLLM_TWIN_VLLM_VERSION` in a container.',
    '',
    '## Versions',
    '',
    '| version | wire | metrics | families | labels of `cache_config_info` |',
    '| --- | --- | --- | --- | --- |',
    ...knownVersions()
      .filter(({ isWireKnown, metrics }) => isWireKnown || metrics !== null)
      .map(
        ({ version, isWireKnown, metrics }) =>
          `| ${version} | ${isWireKnown ? '`--vllm-version` takes it' : ''} | ${metrics === null ? 'names' : 'recorded'} | ${metrics?.families ?? ''} | ${metrics?.cacheConfigInfoLabels ?? ''} |`,
      ),
    '',
    `Of ${knownVersions().filter(({ metrics }) => metrics === null).length} more versions, back to ${knownVersions().at(-1)?.version}, the names of the families are known. The fault \`metrics.names\` shows those back to 0.9.1 on a running server ([reference/faults.md](reference/faults.md)).`,
    '',
    '## Who can join whom',
    '',
    'vLLM looks at no version number: a message is taken where it can be decoded. A field that the receiver does not know is skipped; one that it needs and does not get, or an array whose places moved, is refused, in the words of msgspec. What is refused when an engine core of the row meets a frontend of the column:',
    '',
    `| engine core | ${SPOKEN_VERSIONS.map((version) => `frontend ${version}`).join(' | ')} |`,
    `| --- |${' --- |'.repeat(SPOKEN_VERSIONS.length)}`,
    ...SPOKEN_VERSIONS.map(
      (engine) =>
        `| ${engine} | ${SPOKEN_VERSIONS.map((frontend) => cellOf(engine, frontend)).join(' | ')} |`,
    ),
    '',
    'Data-parallel ranks of one mixture-of-experts model have more in the way. A frontend refuses a rank whose `parallel_config_hash` is not its own, and versions compute it from other fields. And a request that finds the ranks asleep must wake them all: before 0.33.0 the frontend tells the coordinator (`FIRST_REQ`, `[identity of the engine, wave]`), since then the engine core does (`start_wave`); where neither does, a request hangs until every other rank has one.',
    '',
    `| ranks of | ${SPOKEN_VERSIONS.map((version) => `frontend ${version}`).join(' | ')} |`,
    `| --- |${' --- |'.repeat(SPOKEN_VERSIONS.length)}`,
    ...SPOKEN_VERSIONS.map(
      (engine) =>
        `| ${engine} | ${SPOKEN_VERSIONS.map((frontend) => ranksCellOf(engine, frontend)).join(' | ')} |`,
    ),
    '',
    'A twin that refuses a ready response says so in one line with both versions; one that takes an engine of another version warns that it is.',
    '',
    '## What each release changed',
    '',
    ...SPOKEN_VERSIONS.slice(1).flatMap((to, index) =>
      stepLines(SPOKEN_VERSIONS[index] as SpokenVersion, to),
    ),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function cellOf(engine: SpokenVersion, frontend: SpokenVersion): string {
  if (engine === frontend) return 'nothing';
  const [meeting] = wireDifferences(WIRE_VERSIONS[engine], WIRE_VERSIONS[frontend]).meetings;
  const refused = refusedIn(meeting);
  if (!canStart(meeting)) return `**the start**: ${refusalOfStart(meeting)}`;
  return refused.length === 0 ? 'nothing' : refused.join('; ');
}

const RANKS_CELLS: Readonly<Record<RanksProblem, string>> = {
  other_hash: '**the start**: another hash',
  never_woken: '**a request**, until every other rank has one',
};

function ranksCellOf(engine: SpokenVersion, frontend: SpokenVersion): string {
  const [meeting] = wireDifferences(WIRE_VERSIONS[engine], WIRE_VERSIONS[frontend]).meetings;
  const problem = ranksProblem(meeting);
  return problem === null ? 'nothing more' : RANKS_CELLS[problem];
}

function refusedIn({ breaks, missingCalls }: Meeting): readonly string[] {
  const refused = breaks.flatMap(({ message, rejected }) =>
    rejected.map(({ when }) => (when === null ? message : `${message} with \`${when}\``)),
  );
  return [...refused, ...missingCalls.map((method) => `UTILITY ${method}`)];
}

function refusalOfStart({ breaks }: Meeting): string {
  const words = breaks.flatMap(({ rejected }) => rejected.map((refusal) => refusal.words));
  return (words[0] ?? '').replaceAll('|', '\\|');
}

function stepLines(from: SpokenVersion, to: SpokenVersion): readonly string[] {
  const { structs, ready, parallelConfig, calls, waves } = wireDifferences(
    WIRE_VERSIONS[from],
    WIRE_VERSIONS[to],
  );
  const { added, removed, cacheConfigInfo } = metricDifferences(from, to);
  const named = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');
  const always = added.filter(({ needs }) => needs?.length === 0).map(({ name }) => name);
  const others = added.length - always.length;
  return [
    `### ${from} to ${to}`,
    '',
    ...structs.changed.map(
      ({ name, added: came, removed: went, changed }) =>
        `- ${name}: ${[
          ...came.map((field) => `+ \`${field.name}\``),
          ...went.map((field) => `- \`${field.name}\``),
          ...changed.map((field) => `~ \`${field.name}\``),
        ].join(', ')}`,
    ),
    ...(ready.added.length === 0
      ? []
      : [
          `- READY, with elastic expert parallelism: ${ready.added.map((key) => `+ \`${key}\``).join(', ')}`,
        ]),
    ...parallelConfig.added.map((key) => `- \`parallel_config\` of INIT: + \`${key}\``),
    ...calls.added.map((method) => `- UTILITY: + \`${method}\``),
    ...(waves === null
      ? []
      : [
          waves.from.startedBy === waves.to.startedBy
            ? '- waves: rank 0 tells the coordinator that the ranks run (`start_wave`)'
            : '- waves: the engine core tells the coordinator of a request while no rank runs (`start_wave`), no longer the frontend (`FIRST_REQ`)',
        ]),
    `- families: ${
      [
        ...(always.length === 0 ? [] : [`+ ${named(always)}`]),
        ...(others === 0 ? [] : [`+ ${others} that need a flag or a connector`]),
        ...(removed.length === 0 ? [] : [`- ${named(removed.map(({ name }) => name))}`]),
      ].join(', ') || 'the same'
    }`,
    `- labels of \`cache_config_info\`: ${[
      ...(cacheConfigInfo?.added ?? []).map(({ name }) => `+ \`${name}\``),
      ...(cacheConfigInfo?.removed ?? []).map(({ name }) => `- \`${name}\``),
    ].join(', ')}`,
    '',
  ];
}
