/**
 * A Prometheus over what `simulate` wrote, for as long as it is asked. Evaluating PromQL is Prometheus' own work: where it
 * is not installed that is said, and nothing else is tried.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findFreePort } from '../../frontend/launch/port-check.ts';
import { ConfigError, reasonOf } from '../../shared/errors.ts';

export interface SimulatedPrometheus {
  readonly url: URL;
  /** The last sample's time, seconds since 1970; null where only Prometheus' own blocks are there. */
  readonly endS: number | null;
  readonly stop: () => Promise<void>;
}

const START_DEADLINE_MS = 60_000;
const POLL_MS = 50;
const TAIL_BYTES = 64 << 10;
const ENDINGS = /\.(om|openmetrics|prom|txt)$/i;

/** Throws E_BAD_FILE for what is no such file, or where Prometheus is not installed. */
export async function startSimulatedPrometheus(path: string): Promise<SimulatedPrometheus> {
  const { files, blocks } = historyAt(path);
  const folder = mkdtempSync(join(tmpdir(), 'vllm-twin-lint-'));
  const run = new PrometheusRun(folder);
  try {
    if (blocks !== null) cpSync(blocks, run.data, { recursive: true });
    for (const file of files) await makeBlocks(file, run.data);
    const url = await run.start();
    const ends = files.map(endOf);
    return { url, endS: ends.length === 0 ? null : Math.max(...ends), stop: () => run.stop() };
  } catch (cause) {
    await run.stop();
    throw cause;
  }
}

interface History {
  readonly files: readonly string[];
  /** A folder of Prometheus' own. */
  readonly blocks: string | null;
}

function historyAt(path: string): History {
  if (!existsSync(path)) throw bad(`--live '${path}': is neither a URL nor a file or folder`);
  if (!statSync(path).isDirectory()) {
    endOf(path);
    return { files: [path], blocks: null };
  }
  const names = readdirSync(path).sort();
  if (names.some((name) => existsSync(join(path, name, 'meta.json'))))
    return { files: [], blocks: path };
  const files = names.filter((name) => ENDINGS.test(name)).map((name) => join(path, name));
  if (files.length === 0)
    throw bad(
      `--live '${path}': holds no file of simulate --openmetrics (*.om), and no blocks of Prometheus`,
    );
  for (const file of files) endOf(file);
  return { files, blocks: null };
}

/** The time of the last sample. Throws E_BAD_FILE for what is no OpenMetrics with times. */
function endOf(file: string): number {
  const tail = tailOf(file);
  const times = [...tail.matchAll(/^[a-zA-Z_:][^\n]*\s(\d{9,}(?:\.\d+)?)$/gm)];
  const last = times.at(-1)?.[1];
  if (last === undefined || !/# EOF\s*$/.test(tail))
    throw bad(
      `--live '${file}': is not what simulate --openmetrics FILE writes: samples with times, and '# EOF' at the end`,
    );
  return Number(last);
}

function tailOf(file: string): string {
  const handle = openSync(file, 'r');
  try {
    const { size } = fstatSync(handle);
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(handle, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8');
  } finally {
    closeSync(handle);
  }
}

async function makeBlocks(file: string, data: string): Promise<void> {
  const words = ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', file, data];
  try {
    await promisify(execFile)('promtool', words);
  } catch (cause) {
    if (isMissing(cause)) throw notInstalled('promtool');
    const { stderr } = cause as { readonly stderr?: unknown };
    throw bad(`--live '${file}': promtool does not take it: ${String(stderr ?? cause).trim()}`);
  }
}

class PrometheusRun {
  readonly data: string;
  readonly #folder: string;
  #child: ChildProcess | null = null;
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.#clear();
    process.kill(process.pid, signal);
  };

  constructor(folder: string) {
    this.#folder = folder;
    this.data = join(folder, 'data');
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, this.#onSignal);
  }

  async start(): Promise<URL> {
    const port = await findFreePort('127.0.0.1');
    const config = join(this.#folder, 'prometheus.yml');
    writeFileSync(config, '{}');
    const child = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${this.data}`,
        `--web.listen-address=127.0.0.1:${port}`,
        // A virtual day may be years ago.
        '--storage.tsdb.retention.time=100y',
      ],
      { stdio: 'ignore' },
    );
    this.#child = child;
    let failure: unknown = null;
    child.once('error', (cause) => {
      failure = cause;
    });
    const url = new URL(`http://127.0.0.1:${port}`);
    const deadline = Date.now() + START_DEADLINE_MS;
    for (;;) {
      if (isMissing(failure)) throw notInstalled('prometheus');
      if (failure !== null || child.exitCode !== null)
        throw bad(`--live: prometheus did not start (${reasonOf(failure ?? 'it ended')})`);
      if (Date.now() > deadline)
        throw bad(`--live: prometheus was not ready within ${START_DEADLINE_MS / 1000} s`);
      if (await isReady(url)) return url;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    const isRunning = child !== null && child.pid !== undefined && child.exitCode === null;
    const ended = isRunning ? new Promise((resolve) => child.once('exit', resolve)) : null;
    if (isRunning) child.kill('SIGKILL');
    await ended;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, this.#onSignal);
    this.#clear();
  }

  #clear(): void {
    this.#child?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function isReady(url: URL): Promise<boolean> {
  try {
    return (await fetch(new URL('/-/ready', url))).ok;
  } catch {
    return false;
  }
}

const isMissing = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';

const notInstalled = (program: string): ConfigError =>
  bad(
    `--live with a file needs ${program} on PATH, which evaluates the queries, and it is not installed: install Prometheus, or give --live the URL of one`,
  );

const bad = (text: string): ConfigError => new ConfigError('E_BAD_FILE', text);
