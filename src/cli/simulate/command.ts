/** `vllm-twin simulate SCENARIO`: a scenario on virtual time, and what Prometheus would have seen of it. */

import { describeEvent } from '../../scenario/describe-step.ts';
import { engineProblem } from '../../scenario/engine-problem.ts';
import { assert } from '../../shared/assert.ts';
import type { EngineArgs } from '../../shared/config/registry.ts';
import { DURATION_FORM, describeDuration, readDuration } from '../../shared/duration.ts';
import { ConfigError } from '../../shared/errors.ts';
import type { ScrapeSink } from '../../simulate/scrape/scraped.ts';
import type { Command, CommandFlag } from '../command.ts';
import { CONFIG_FLAG, registryFlagGroups } from '../flags/registry-flags.ts';
import { readServeArgs } from '../flags/serve-args.ts';
import { Progress } from './progress.ts';

const FLAGS: readonly CommandFlag[] = [
  {
    name: 'duration',
    takes: 'value',
    doc: 'Virtual time that passes: 24h, 30m. [until the last step is over]',
  },
  {
    name: 'scrape-interval',
    takes: 'value',
    doc: 'Between two scrapes of /metrics, the first of them at the start. [15s]',
  },
  {
    name: 'start-time',
    takes: 'value',
    doc: 'Wall-clock time at the start, which scrapes bear. [2026-01-01T00:00:00Z]',
  },
  {
    name: 'openmetrics',
    takes: 'value',
    doc: 'File of all scrapes with their times, for promtool tsdb create-blocks-from openmetrics.',
  },
  {
    name: 'series',
    takes: 'value',
    doc: 'File of all scrapes as input_series, for promtool test rules.',
  },
  {
    name: 'summary',
    takes: 'switch',
    doc: 'Print a table of each engine at the end. [where no file is asked for]',
  },
];

const JOB = 'vllm-twin';
const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_INTERVAL = '15s';
const MIN_INTERVAL_MS = 100;
const MAX_DURATION_MS = 366 * 24 * 3_600_000;

export const simulateCommand: Command = {
  name: 'simulate',
  usage: 'simulate SCENARIO.yaml [flags]',
  summary: "Play a scenario on virtual time, a day in seconds, and write Prometheus's view of it.",
  positional: 'file',
  readsSettings: true,
  examples: [
    [
      'simulate day.yaml --duration 24h --data-parallel-size 2',
      'a day of two engines, and a table of each',
    ],
    [
      'simulate day.yaml --duration 24h --openmetrics day.om',
      'then promtool tsdb create-blocks-from openmetrics day.om data/, for Prometheus and Grafana',
    ],
    [
      'simulate kv-pressure.yaml --series kv-pressure-test.yaml',
      'input_series for a unit test of alert rules',
    ],
    ['simulate storm.yaml --seed 7', 'another day of the same kind; the same seed, the same day'],
  ],
  get flags() {
    return [{ title: 'Simulate', flags: [...FLAGS, CONFIG_FLAG] }, ...registryFlagGroups()];
  },
  async run(words) {
    const [file, ...rest] = words;
    if (file === undefined || file.startsWith('-'))
      throw new ConfigError(
        'E_BAD_FLAG',
        'simulate: its first word is a file, SCENARIO.yaml; see simulate --help',
      );
    const read = await readServeArgs([...rest, `--scenario=${file}`], process.env, FLAGS);
    const { scenario } = read;
    assert(scenario !== null, 'a scenario that was given is read');
    const problem = engineProblem(scenario, read.args.dataParallelSize);
    if (problem !== null) throw new ConfigError('E_BAD_FILE', `${file}: ${problem.message}`);
    for (const text of [...read.notes, ...read.warnings])
      process.stderr.write(`vllm-twin: ${text}\n`);
    const own = (name: string): string | undefined => read.split.own.get(name)?.at(-1);
    const { hasEnd, runSimulation } = await import('../../simulate/run-simulation.ts');
    const durationMs = readMs('duration', own('duration'), { minMs: 1, maxMs: MAX_DURATION_MS });
    if (durationMs === null && !hasEnd(scenario))
      throw new ConfigError(
        'E_BAD_FLAG',
        `${file} has steps that do not end by themselves: say how long it is to run, --duration 24h`,
      );
    const interval = own('scrape-interval') ?? DEFAULT_INTERVAL;
    const bounds = { minMs: MIN_INTERVAL_MS, maxMs: MAX_DURATION_MS };
    // Prometheus's intervals are whole milliseconds.
    const scrapeIntervalMs = Math.round(readMs('scrape-interval', interval, bounds) ?? 0);
    const epochMs = readStart(own('start-time'));
    const sinks = await sinksOf(own, scrapeIntervalMs);
    const progress = process.stderr.isTTY
      ? new Progress({
          totalMs: durationMs,
          nowMs: () => performance.now(),
          write: (text) => process.stderr.write(text),
        })
      : null;
    const say = (text: string): void => {
      progress?.clear();
      process.stderr.write(`${text}\n`);
    };
    // Real turns come with each scrape; what is half written goes as the process exits.
    for (const [signal, number] of SIGNALS) process.once(signal, () => process.exit(128 + number));
    const isMet = await runSimulation({
      args: read.args,
      scenario,
      durationMs,
      epochMs,
      scrapeIntervalMs,
      target: { job: JOB, instance: instanceOf(read.args) },
      sinks,
      onEvent: (event) => say(describeEvent(event)),
      onDown: (reason) => say(`The server has ended: ${reason}`),
      onProgress: (elapsedMs) => progress?.show(elapsedMs),
    }).finally(() => progress?.clear());
    return isMet ? 0 : 1;
  },
};

const SIGNALS = [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
] as const;

/** Null where it is not given. Throws E_BAD_FLAG. */
function readMs(
  flag: string,
  word: string | undefined,
  { minMs, maxMs }: { readonly minMs: number; readonly maxMs: number },
): number | null {
  if (word === undefined) return null;
  const ms = readDuration(word);
  if (ms !== null && ms >= minMs && ms <= maxMs) return ms;
  throw new ConfigError(
    'E_BAD_FLAG',
    `--${flag} '${word}': must be ${DURATION_FORM}, from ${describeDuration(minMs)} to ${describeDuration(maxMs)}`,
  );
}

const DEFAULT_START = '2026-01-01T00:00:00Z';

function readStart(word = DEFAULT_START): number {
  const ms = Date.parse(word);
  if (Number.isFinite(ms) && ms >= 0) return ms;
  throw new ConfigError(
    'E_BAD_FLAG',
    `--start-time '${word}': must be a time since 1970, as ${DEFAULT_START}`,
  );
}

/** What Prometheus calls the target: where the server would listen. */
function instanceOf({ host, port }: EngineArgs): string {
  return `${host ?? DEFAULT_HOST}:${port}`;
}

async function sinksOf(
  own: (name: string) => string | undefined,
  intervalMs: number,
): Promise<readonly ScrapeSink[]> {
  const [{ OpenMetricsFile }, { SeriesFile }, { Summary }] = await Promise.all([
    import('../../simulate/scrape/openmetrics-file.ts'),
    import('../../simulate/scrape/series-file.ts'),
    import('../../simulate/scrape/summary.ts'),
  ]);
  const openMetrics = own('openmetrics');
  const series = own('series');
  const wantsSummary =
    own('summary') === 'true' || (openMetrics === undefined && series === undefined);
  return [
    ...(openMetrics === undefined ? [] : [new OpenMetricsFile(openMetrics)]),
    ...(series === undefined ? [] : [new SeriesFile(series, intervalMs)]),
    ...(wantsSummary ? [new Summary((text) => process.stdout.write(text))] : []),
  ];
}
