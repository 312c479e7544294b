/**
 * The whole product over HTTP against a load client in a process of its own, next to a bare Node server that gives the
 * same answers in the same run: completions per second, streamed events per second and CPU per event, and how long a
 * scrape takes meanwhile. Server on one core and client on the other where `taskset` is there.
 *
 * `--against=DIST` compares this build with another one instead: CPU per event and per completion, in turns, medians.
 * `--watch` listens to the events below /twin/api of this build's server meanwhile, and fetches the frames, as the page does.
 * `--with='--record FOLDER'` gives this build's server these flags as well; against itself they are what is compared.
 */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage, request } from 'node:http';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const TINYMODEL = fileURLToPath(new URL('../test/golden/tinymodel', import.meta.url));
const SELF = fileURLToPath(import.meta.url);
const isQuick = process.argv.includes('--quick');
const SECONDS = isQuick ? 1 : 4;
const hasTaskset = spawnSync('taskset', ['--version']).error === undefined;
const TICKS_PER_SECOND = 100;

interface Load {
  readonly url: string;
  readonly seconds: number;
  readonly concurrency: number;
  readonly maxTokens: number;
  readonly promptTokens?: number;
  readonly stream: boolean;
}

interface LoadResult {
  readonly requests: number;
  readonly events: number;
  readonly seconds: number;
}

/** The load client: keeps `concurrency` requests under way for some seconds. */
async function runLoad(load: Load): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.concurrency });
  const { hostname, port } = new URL(load.url);
  const body = JSON.stringify({
    model: 'tiny',
    prompt: Array.from({ length: load.promptTokens ?? 3 }, (_, index) => 100 + (index % 200)),
    max_tokens: load.maxTokens,
    ignore_eos: true,
    stream: load.stream,
  });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const path = '/v1/completions';
  let requests = 0;
  let events = 0;
  const startMs = performance.now();
  const endMs = startMs + load.seconds * 1000;
  const once = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const call = request({ agent, hostname, port, path, method: 'POST', headers }, (response) => {
        count(response, load.stream, (n) => {
          events += n;
        });
        response.on('end', resolve);
        response.on('error', reject);
      });
      call.on('error', reject);
      call.end(body);
    });
  const worker = async (): Promise<void> => {
    while (performance.now() < endMs) {
      await once();
      requests += 1;
    }
  };
  await Promise.all(Array.from({ length: load.concurrency }, worker));
  agent.destroy();
  return { requests, events, seconds: (performance.now() - startMs) / 1000 };
}

function count(response: IncomingMessage, stream: boolean, add: (events: number) => void): void {
  if (!stream) {
    response.resume();
    return;
  }
  response.on('data', (chunk: Buffer) => {
    let found = 0;
    for (let at = chunk.indexOf('data: '); at >= 0; at = chunk.indexOf('data: ', at + 6))
      found += 1;
    add(found);
  });
}

/** The limit: a bare server that writes an answer of the same size, or as many events, without an engine. */
function startBareServer(): Promise<string> {
  const answer = `{"id":"x","choices":[{"text":"${'a'.repeat(300)}"}]}`;
  const event = `data: {"id":"cmpl-x","choices":[{"text":"${'a'.repeat(180)}"}]}\n\n`;
  const server = createServer((incoming, response) => {
    let text = '';
    incoming.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    incoming.on('end', () => {
      const { stream, max_tokens } = JSON.parse(text) as { stream: boolean; max_tokens: number };
      if (!stream) {
        response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      let left = max_tokens;
      const next = (): void => {
        if (left === 0) response.end('data: [DONE]\n\n');
        else {
          left -= 1;
          response.write(event);
          setImmediate(next);
        }
      };
      next();
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (typeof address === 'object' && address !== null)
        resolve(`http://127.0.0.1:${address.port}`);
    });
  });
}

interface Server {
  readonly name: string;
  readonly url: string;
  readonly processes: () => readonly number[];
  stop(): Promise<void>;
}

function pinned(core: number, command: readonly string[]): readonly [string, string[]] {
  return hasTaskset
    ? ['taskset', ['-c', String(core), ...command]]
    : [command[0] ?? '', [...command.slice(1)]];
}

async function startServer(name: string, command: readonly string[]): Promise<Server> {
  const [file, args] = pinned(0, [process.execPath, ...command]);
  // The model says 4,096 positions; the long prompts need more.
  const env = { ...process.env, VLLM_ALLOW_LONG_MAX_MODEL_LEN: '1' };
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const url = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const found = /http:\/\/\S+/.exec(text)?.[0];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error(`${name} ended before it was up`)));
  });
  return { name, url, processes: () => treeOf(child), stop: () => stop(child) };
}

function treeOf(child: ChildProcess): readonly number[] {
  const { stdout } = spawnSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' });
  return [child.pid ?? 0, ...stdout.split('\n').filter(Boolean).map(Number)];
}

async function stop(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exited;
}

/** User and system CPU seconds of a process tree. */
function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_SECOND;
}

function loadFrom(load: Load): Promise<LoadResult> {
  const client = fork(SELF, ['--load', JSON.stringify(load)], {
    execArgv: process.execArgv,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  if (hasTaskset) spawnSync('taskset', ['-cp', '1', String(client.pid)]);
  return new Promise((resolve, reject) => {
    client.once('message', (result) => resolve(result as LoadResult));
    client.once('exit', (code) => code !== 0 && reject(new Error('the load client failed')));
  });
}

async function scrapeTimes(url: string, isDone: () => boolean): Promise<readonly number[]> {
  const times: number[] = [];
  while (!isDone()) {
    const startMs = performance.now();
    await (await fetch(`${url}/metrics`)).arrayBuffer();
    times.push(performance.now() - startMs);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return times.sort((a, b) => a - b);
}

interface Measured extends LoadResult {
  readonly cpu: number;
}

async function measureCpu(server: Server, load: Omit<Load, 'url' | 'seconds'>): Promise<Measured> {
  const pids = server.processes();
  // Long enough for the compiler to have seen the hot paths.
  await loadFrom({ ...load, url: server.url, seconds: 2 });
  const before = cpuSeconds(pids);
  const result = await loadFrom({ ...load, url: server.url, seconds: SECONDS });
  return { ...result, cpu: cpuSeconds(pids) - before };
}

async function measure(server: Server, load: Omit<Load, 'url' | 'seconds'>): Promise<string> {
  const { requests, events, seconds, cpu } = await measureCpu(server, load);
  const rate = load.stream
    ? `${(events / seconds).toFixed(0)} events/s, ${((cpu * 1e6) / events).toFixed(1)} µs CPU/event`
    : `${(requests / seconds).toFixed(0)} completions/s, ${((cpu * 1e6) / requests).toFixed(0)} µs CPU each`;
  return `${server.name}: ${rate}`;
}

/** The product's command line, of the build in `dist`. */
function serveCommand(dist: string, maxModelLen: number): readonly string[] {
  const size = ['--max-model-len', String(maxModelLen), '--num-gpu-blocks-override', '20001'];
  const flags = ['--served-model-name', 'tiny', '--port', '0', ...size];
  const quiet = ['--step-time', 'zero', '--log-level', 'error'];
  return [`${dist}/cli/main.js`, 'serve', TINYMODEL, ...flags, ...quiet];
}

const PAIRED_LOADS = [
  { name: 'streamed event, 256 streams', concurrency: 256, maxTokens: 128, stream: true },
  {
    name: '1-token completion, 16 prompt tokens',
    concurrency: 32,
    maxTokens: 1,
    stream: false,
    promptTokens: 16,
  },
  {
    name: '1-token completion, 8,192 prompt tokens',
    concurrency: 8,
    maxTokens: 1,
    stream: false,
    promptTokens: 8_192,
  },
];

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

function extraFlags(): readonly string[] {
  const given = process.argv.find((word) => word.startsWith('--with='));
  return given === undefined ? [] : given.slice('--with='.length).split(' ').filter(Boolean);
}

async function compare(other: string): Promise<void> {
  const rounds = isQuick ? 1 : 5;
  const servers = await Promise.all([
    startServer('this build', [...serveCommand(DIST, 16_384), ...extraFlags()]),
    startServer('the other', serveCommand(other, 16_384)),
  ]);
  const watching = new AbortController();
  if (process.argv.includes('--watch') && servers[0] !== undefined)
    void watch(servers[0].url, watching.signal).catch(() => {});
  try {
    for (const { name, ...load } of PAIRED_LOADS) {
      const costs: readonly [number[], number[]] = [[], []];
      for (let round = 0; round < rounds; round++) {
        for (const index of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
          const server = servers[index];
          if (server === undefined) continue;
          const { requests, events, cpu } = await measureCpu(server, load);
          costs[index].push((cpu * 1e6) / (load.stream ? events : requests));
        }
      }
      const [mine, theirs] = [median(costs[0]), median(costs[1])];
      const all = costs.map((list) => list.map((cost) => cost.toFixed(1)).join(' '));
      console.log(
        `${name}: ${mine.toFixed(1)} µs CPU, the other ${theirs.toFixed(1)}, ` +
          `${(100 * (mine / theirs - 1)).toFixed(1)} % more   [${all[0]}] [${all[1]}]`,
      );
    }
  } finally {
    watching.abort();
    await Promise.all(servers.map((server) => server.stop()));
  }
}

/** Does what an open page does: listens to events, and fetches the frames that they tell of. */
async function watch(url: string, signal: AbortSignal): Promise<void> {
  const events = await fetch(`${url}/twin/api/events`, { signal });
  let since = 0;
  for await (const part of events.body as unknown as AsyncIterable<Uint8Array>) {
    const lastN = /"last_n":(\d+)/.exec(new TextDecoder().decode(part))?.[1];
    if (lastN === undefined || process.argv.includes('--watch=events')) continue;
    const frames = await fetch(`${url}/twin/api/frames?since=${since}&limit=1000`, { signal });
    const lines = (await frames.text()).trim().split('\n');
    since = (JSON.parse(lines.at(-1) || '{}') as { n?: number }).n ?? since;
  }
}

async function main(): Promise<void> {
  console.log(hasTaskset ? 'server on core 0, client on core 1' : 'not pinned: no taskset');
  const against = process.argv.find((word) => word.startsWith('--against='));
  if (against !== undefined) {
    await compare(against.slice('--against='.length));
    return;
  }
  const serve = serveCommand(DIST, 1024);
  const bare = await startServer('bare Node', [...process.execArgv, SELF, '--bare']);
  const twin = await startServer('vllm-twin', serve);
  try {
    for (const maxTokens of [1, 64]) {
      for (const concurrency of isQuick ? [32] : [1, 32, 256]) {
        console.log(`completions, max_tokens ${maxTokens}, concurrency ${concurrency}`);
        for (const server of [bare, twin])
          console.log(`  ${await measure(server, { concurrency, maxTokens, stream: false })}`);
      }
    }
    for (const concurrency of isQuick ? [32] : [32, 256]) {
      console.log(`streams of 128 tokens, concurrency ${concurrency}`);
      for (const server of [bare, twin])
        console.log(`  ${await measure(server, { concurrency, maxTokens: 128, stream: true })}`);
    }
  } finally {
    await Promise.all([bare.stop(), twin.stop()]);
  }
  for (const engines of isQuick ? [1] : [1, 8]) {
    const server = await startServer('vllm-twin', [
      ...serve,
      '--data-parallel-size',
      String(engines),
    ]);
    let isDone = false;
    const load = {
      concurrency: 32,
      maxTokens: 128,
      stream: true,
      url: server.url,
      seconds: SECONDS,
    };
    const loaded = loadFrom(load).finally(() => {
      isDone = true;
    });
    const times = await scrapeTimes(server.url, () => isDone);
    await loaded;
    await server.stop();
    const at = (share: number): string =>
      (times[Math.floor(share * (times.length - 1))] ?? 0).toFixed(1);
    console.log(
      `/metrics under 32 streams, ${engines} engine(s): p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`,
    );
  }
}

if (process.argv.includes('--bare')) {
  console.log(await startBareServer());
} else if (process.argv.includes('--load')) {
  const load = JSON.parse(process.argv[process.argv.indexOf('--load') + 1] ?? '{}') as Load;
  const result = await runLoad(load);
  process.send?.(result, () => process.exit(0));
} else {
  await main();
}
