/** A real Prometheus on its defaults, scraping what a test serves. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './process.ts';
import { waitUntil } from './wait-for.ts';

export type PromLabels = Readonly<Record<string, string>>;

export interface PromMetadata {
  readonly metric: string;
  readonly type: string;
  readonly help: string;
}

/** Whether it is installed; says loudly that its tests do not run where it is not. */
export function isPrometheusInstalled(): boolean {
  if (spawnSync('promtool', ['--version']).error === undefined) return true;
  process.stderr.write(
    '\nSKIPPED: Prometheus is not installed (Debian package prometheus); its tests do not run\n\n',
  );
  return false;
}

export class Prometheus {
  readonly #url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(url: string, child: ChildProcess, folder: string) {
    this.#url = url;
    this.#child = child;
    this.#folder = folder;
  }

  /** `targets`: URL of a server by the job that scrapes it. */
  static async start(targets: Readonly<Record<string, string>>): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'twin-prometheus-'));
    const config = {
      global: { scrape_interval: '200ms' },
      scrape_configs: Object.entries(targets).map(([job, url]) => ({
        job_name: job,
        static_configs: [{ targets: [new URL(url).host] }],
      })),
    };
    // JSON is YAML.
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
    const [port = 0] = await freePorts(1);
    const flags = [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    const child = spawn('prometheus', flags, { stdio: 'ignore' });
    return new Prometheus(`http://127.0.0.1:${port}`, child, folder);
  }

  /** The labels of what a PromQL query finds; nothing while it is not up. */
  async query(promql: string): Promise<readonly PromLabels[]> {
    const data = await this.#get<{ result: readonly { metric: PromLabels }[] }>(
      `query?query=${encodeURIComponent(promql)}`,
    );
    return data?.result.map(({ metric }) => metric) ?? [];
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
    if (this.#child.exitCode === null) {
      const ended = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #get<T>(path: string): Promise<T | null> {
    try {
      const response = await fetch(`${this.#url}/api/v1/${path}`);
      return ((await response.json()) as { data: T }).data;
    } catch {
      return null;
    }
  }
}
