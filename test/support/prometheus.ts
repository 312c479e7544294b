/** A real Prometheus: on its defaults, scraping what a test serves; or over a past that a file tells. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { freePorts } from './free-ports.ts';
import { waitUntil } from './wait-for.ts';

export type PromLabels = Readonly<Record<string, string>>;

export interface PromMetadata {
  readonly metric: string;
  readonly type: string;
  readonly help: string;
}

export interface PromSample {
  readonly labels: PromLabels;
  readonly value: number;
}

export interface HistoryOptions {
  /** OpenMetrics files whose samples have timestamps, of a target each. */
  readonly openmetrics: readonly string[];
  /** A file of rules: what its recording rules would have recorded is there as well. */
  readonly rules?: string;
  /** How far apart the rules are evaluated. */
  readonly intervalS?: number;
}

/** Whether it is installed; says loudly that its tests do not run where it is not. */
export function isPrometheusInstalled(): boolean {
  if (spawnSync('promtool', ['--version']).error === undefined) return true;
  process.stderr.write(
    '\nSKIPPED: Prometheus is not installed (Debian package prometheus); its tests do not run\n\n',
  );
  return false;
}

/** Blocks of a virtual day may be as old as its clock says. */
const KEEP_ALL = '--storage.tsdb.retention.time=100y';

export class Prometheus {
  /** Of the files that it was made over: from the first sample to the last. */
  history = { startS: 0, endS: 0 };
  #url = '';
  #child: ChildProcess | null = null;
  readonly #folder = mkdtempSync(join(tmpdir(), 'twin-prometheus-'));

  private constructor(config: object) {
    // JSON is YAML.
    writeFileSync(join(this.#folder, 'prometheus.yml'), JSON.stringify(config));
  }

  /** `targets`: URL of a server by the job that scrapes it. */
  static async start(targets: Readonly<Record<string, string>>): Promise<Prometheus> {
    const prometheus = new Prometheus({
      global: { scrape_interval: '200ms' },
      scrape_configs: Object.entries(targets).map(([job, url]) => ({
        job_name: job,
        static_configs: [{ targets: [new URL(url).host] }],
      })),
    });
    await prometheus.#run();
    return prometheus;
  }

  /** One that has scraped nothing and knows all: ready to be asked of any time in the file. */
  static async overHistory({
    openmetrics,
    rules,
    intervalS = 15,
  }: HistoryOptions): Promise<Prometheus> {
    const prometheus = new Prometheus({});
    for (const file of openmetrics) prometheus.#createBlocks('openmetrics', file, prometheus.#data);
    await prometheus.#runUntilReady();
    const times = openmetrics.flatMap(timesOf);
    const [startS, endS] = [Math.min(...times), Math.max(...times)];
    prometheus.history = { startS, endS };
    if (rules === undefined) return prometheus;
    for (const [level, groups] of recordingLevels(rules).entries()) {
      const file = join(prometheus.#folder, `rules-${level}.yml`);
      writeFileSync(file, JSON.stringify({ groups }));
      const range = [`--start=${startS}`, `--end=${endS}`, `--eval-interval=${intervalS}s`];
      const where = [`--url=${prometheus.#url}`, `--output-dir=${prometheus.#data}`];
      prometheus.#createBlocks('rules', ...range, ...where, file);
      // It takes up new blocks at its start.
      await prometheus.#end();
      await prometheus.#runUntilReady();
    }
    return prometheus;
  }

  /** The labels of what a PromQL query finds; nothing while it is not up. */
  async query(promql: string): Promise<readonly PromLabels[]> {
    const data = await this.#get<{ result: readonly { metric: PromLabels }[] }>(
      `query?query=${encodeURIComponent(promql)}`,
    );
    return data?.result.map(({ metric }) => metric) ?? [];
  }

  /** What a PromQL query finds at a time (unix seconds); a query that it refuses is an error. */
  async queryAt(promql: string, atS: number): Promise<readonly PromSample[]> {
    const { result } = await this.#ask<{ result: readonly RawVector[] }>(
      `query?query=${encodeURIComponent(promql)}&time=${atS}`,
    );
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** The same at each step from `startS` to `endS`: one list of samples a step, empty where it finds nothing. */
  async queryRange(
    promql: string,
    {
      startS,
      endS,
      stepS,
    }: { readonly startS: number; readonly endS: number; readonly stepS: number },
  ): Promise<readonly (readonly PromSample[])[]> {
    const { result } = await this.#ask<{ result: readonly RawMatrix[] }>(
      `query_range?query=${encodeURIComponent(promql)}&start=${startS}&end=${endS}&step=${stepS}`,
    );
    const steps = Array.from(
      { length: Math.floor((endS - startS) / stepS) + 1 },
      (): PromSample[] => [],
    );
    for (const { metric, values } of result)
      for (const [atS, value] of values)
        steps[Math.round((atS - startS) / stepS)]?.push({ labels: metric, value: Number(value) });
    return steps;
  }

  /** What it keeps of a job's families: type and help, by name. */
  async metadata(job: string): Promise<readonly PromMetadata[]> {
    const match = encodeURIComponent(`{job="${job}"}`);
    return (await this.#get<PromMetadata[]>(`targets/metadata?match_target=${match}`)) ?? [];
  }

  async waitUntilScraped(jobs: readonly string[]): Promise<void> {
    await waitUntil(`scrapes of ${jobs.join(', ')}`, async () => {
      const up = await this.query('up == 1');
      return jobs.every((job) => up.some((labels) => labels['job'] === job));
    });
  }

  async stop(): Promise<void> {
    await this.#end();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #data(): string {
    return join(this.#folder, 'data');
  }

  async #run(): Promise<void> {
    const [port = 0] = await freePorts(1);
    const flags = [
      `--config.file=${join(this.#folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${this.#data}`,
      `--web.listen-address=127.0.0.1:${port}`,
      KEEP_ALL,
    ];
    this.#child = spawn('prometheus', flags, { stdio: 'ignore' });
    this.#url = `http://127.0.0.1:${port}`;
  }

  async #runUntilReady(): Promise<void> {
    await this.#run();
    await waitUntil('Prometheus to be ready', () =>
      fetch(`${this.#url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    // Killed, it leaves the lock of its storage behind.
    rmSync(join(this.#data, 'lock'), { force: true });
  }

  #createBlocks(from: 'openmetrics' | 'rules', ...words: readonly string[]): void {
    const flags = from === 'openmetrics' ? ['--quiet'] : [];
    execFileSync('promtool', ['tsdb', 'create-blocks-from', from, ...flags, ...words], {
      stdio: 'pipe',
    });
  }

  async #ask<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#url}/api/v1/${path}`);
    const answer = (await response.json()) as { data: T; error?: string };
    if (!response.ok) throw new Error(`${answer.error}: ${decodeURIComponent(path)}`);
    return answer.data;
  }

  async #get<T>(path: string): Promise<T | null> {
    try {
      return await this.#ask<T>(path);
    } catch {
      return null;
    }
  }
}

interface RawVector {
  readonly metric: PromLabels;
  readonly value: readonly [number, string];
}

interface RawMatrix {
  readonly metric: PromLabels;
  readonly values: readonly (readonly [number, string])[];
}

interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

/** The first and the last timestamp of an OpenMetrics file, in seconds. */
function timesOf(openmetrics: string): readonly [number, number] {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const [, at] of readFileSync(openmetrics, 'utf8').matchAll(/^[^#\n].* ([\d.e+]+)$/gm)) {
    first = Math.min(first, Number(at));
    last = Math.max(last, Number(at));
  }
  return [first, last];
}

/** Recording rules in the order in which they can be evaluated: those of a level read only what lower ones recorded. */
function recordingLevels(file: string): readonly (readonly object[])[] {
  const { groups } = parse(readFileSync(file, 'utf8')) as {
    readonly groups: readonly { readonly rules: readonly Partial<RecordingRule>[] }[];
  };
  let left = groups.flatMap(({ rules }) =>
    rules.flatMap(({ record, expr }) =>
      record === undefined || expr === undefined ? [] : [{ record, expr }],
    ),
  );
  const levels: object[][] = [];
  while (left.length > 0) {
    const needs = ({ expr }: RecordingRule) => left.some(({ record }) => expr.includes(record));
    const rules = left.filter((rule) => !needs(rule));
    if (rules.length === 0) throw new Error(`rules of ${file} that need one another`);
    levels.push([{ name: `level-${levels.length}`, rules }]);
    left = left.filter(needs);
  }
  return levels;
}
