/**
 * From the command to the first 200 of /health and /metrics, with 1, 4 and 8 engines, next to what starting bare Node
 * takes; and the memory of each process, next to bare Node's. Runs the built product.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../bin/vllm-twin.cjs', import.meta.url));
const isQuick = process.argv.includes('--quick');
const ENGINE_COUNTS = isQuick ? [1] : [1, 4, 8];
const RUNS = isQuick ? 1 : 5;

interface Start {
  readonly healthMs: number;
  readonly metricsMs: number;
  /** Megabytes by process title. */
  readonly rss: readonly (readonly [name: string, mb: number])[];
}

async function measureStart(engineCount: number): Promise<Start> {
  const startMs = performance.now();
  const words = ['serve', '--port', '0', '--data-parallel-size', String(engineCount)];
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const url = await urlOf(child);
    await until200(`${url}/health`);
    const healthMs = performance.now() - startMs;
    await until200(`${url}/metrics`);
    const metricsMs = performance.now() - startMs;
    return { healthMs, metricsMs, rss: rssOfTree(child.pid ?? 0) };
  } finally {
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await exited;
  }
}

function urlOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const url = /http:\/\/\S+/.exec(text)?.[0];
      if (url !== undefined) resolve(url);
    });
    child.once('exit', () => reject(new Error('the server ended before it was up')));
  });
}

async function until200(url: string): Promise<void> {
  for (;;) {
    const response = await fetch(url);
    await response.arrayBuffer();
    if (response.status === 200) return;
  }
}

function rssOfTree(pid: number): readonly (readonly [string, number])[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const parent = statusOf(Number(name), 'PPid');
    if (parent !== null) parents.set(Number(name), parent);
  }
  const children = [...parents].filter(([, parent]) => parent === pid).map(([child]) => child);
  return [pid, ...children].map((own) => [nameOf(own), (statusOf(own, 'VmRSS') ?? 0) / 1024]);
}

function statusOf(pid: number, field: string): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  } catch {
    return null;
  }
}

function nameOf(pid: number): string {
  const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  // Children show vLLM's own titles.
  if (command.includes('EngineCore')) return 'engine core';
  return /coordinator/i.test(command) ? 'coordinator' : 'frontend';
}

function bareNode(): { readonly ms: number; readonly mb: number } {
  const times: number[] = [];
  let mb = 0;
  for (let run = 0; run < RUNS; run += 1) {
    const startMs = performance.now();
    const script = 'console.log(process.memoryUsage.rss())';
    const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    times.push(performance.now() - startMs);
    mb = Number(stdout) / 2 ** 20;
  }
  return { ms: median(times), mb };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const bare = bareNode();
console.log(
  `bare Node: ${bare.ms.toFixed(0)} ms, ${bare.mb.toFixed(0)} MB (medians of ${RUNS} runs)`,
);
for (const engineCount of ENGINE_COUNTS) {
  const starts: Start[] = [];
  for (let run = 0; run < RUNS; run += 1) starts.push(await measureStart(engineCount));
  const health = median(starts.map(({ healthMs }) => healthMs));
  const metrics = median(starts.map(({ metricsMs }) => metricsMs));
  console.log(
    `${engineCount} engine(s): /health ${health.toFixed(0)} ms, /metrics ${metrics.toFixed(0)} ms ` +
      `(${(health / bare.ms).toFixed(1)} × bare Node)`,
  );
  const byName = new Map<string, number[]>();
  for (const [name, mb] of starts.at(-1)?.rss ?? [])
    byName.set(name, [...(byName.get(name) ?? []), mb]);
  for (const [name, sizes] of byName) {
    const mb = median(sizes);
    console.log(
      `  ${name}: ${mb.toFixed(0)} MB, of which bare Node ${((100 * bare.mb) / mb).toFixed(0)} %`,
    );
  }
}
