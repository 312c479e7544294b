/** The built page over frames that vLLM's own engines once sent, and metrics that a test sets. */
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WIRE_VERSIONS } from '../../src/shared/protocol/versions/wire-versions.ts';
import { createDissector } from '../../src/shared/tap/dissector.ts';
import type { FrameDetail, FrameLine } from '../../src/shared/tap/frame-line.ts';
import type { EngineState, TwinState } from '../../src/shared/twin-api/state.ts';
import { VLLM_VERSION } from '../../src/shared/version.ts';
import { goldenFrames } from './golden-frames.ts';
import { packageFile } from './package.ts';

export interface PageFixture {
  readonly url: string;
  readonly frames: readonly FrameDetail[];
  /** Capacity of each engine, as its ready response tells it. */
  readonly tokens: readonly number[];
  /** What `GET /metrics` answers. */
  metrics: string;
  /** The engine as the next state has it. */
  changeEngine(rank: number, change: Partial<EngineState>): void;
  /** As if the server had been started anew, with the first frames only. */
  startAnew(numFrames: number): void;
  /** Sends all frames once more, so many times. */
  repeatFrames(times: number): void;
  stop(): Promise<void>;
}

export interface PageFixtureOptions {
  /** The page stands below it. */
  readonly rootPath?: string;
}

export async function startPageFixture(options: PageFixtureOptions = {}): Promise<PageFixture> {
  const root = options.rootPath ?? '';
  const dissector = createDissector(WIRE_VERSIONS[VLLM_VERSION]);
  const recorded = goldenFrames('dp2').map(({ frame, process }, index) =>
    dissector.detail(frame, { process, tMs: index, n: index + 1 }),
  );
  let frames: readonly FrameDetail[] = recorded;
  const tokens = [0, 1].map((rank) => capacityOf(recorded, rank));
  const html = readFileSync(packageFile('dist/page/index.html'), 'utf8');
  const engines = tokens.map((each, rank) => engineOf(rank, each));
  const fixture = { metrics: metricsOf(tokens) };
  const state = (): TwinState => ({
    vllm_version: VLLM_VERSION,
    model: 'twin/of-golden-frames',
    phase: 'serving',
    engines,
    api_server_count: 1,
    frames: { last_n: frames.length, first_n: 1, num_fallen_out: 0 },
    changes_refused_because: null,
    handshake_step: null,
    lesson: null,
  });

  const answer = (path: string, query: URLSearchParams, response: ServerResponse): void => {
    switch (path) {
      case '/twin':
      case '/twin/':
        response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html);
        return;
      case '/twin/api/events': {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const tell = (): boolean =>
          response.write(`event: state\ndata: ${JSON.stringify(state())}\n\n`);
        tell();
        const timer = setInterval(tell, 50);
        response.on('close', () => clearInterval(timer));
        return;
      }
      case '/twin/api/frames': {
        const since = Number(query.get('since'));
        const lines = frames.slice(since, since + Number(query.get('limit'))).map(lineOf);
        response.writeHead(200, { 'content-type': 'application/x-ndjson' });
        response.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
        return;
      }
      case '/twin/api/frame':
        json(response, frames[Number(query.get('n')) - 1]);
        return;
      case '/metrics':
        response.writeHead(200, { 'content-type': 'text/plain' }).end(fixture.metrics);
        return;
      case '/v1/models':
        json(response, { data: [] });
        return;
      default:
        json(response, { error: { message: `no ${path} here` } }, 404);
    }
  };
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://twin');
    const isBelow = pathname.startsWith(root);
    answer(isBelow ? pathname.slice(root.length) : `outside of ${root}`, searchParams, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(fixture, {
    url: `http://127.0.0.1:${port}${root}/twin`,
    frames: recorded,
    tokens,
    changeEngine: (rank: number, change: Partial<EngineState>) => {
      engines[rank] = { ...engineOf(rank, tokens[rank] ?? 0), ...change };
    },
    startAnew: (numFrames: number) => {
      frames = recorded.slice(0, numFrames);
    },
    repeatFrames: (times: number) => {
      const all = Array.from({ length: times }, () => recorded).flat();
      frames = [...frames, ...all].map((frame, index) => ({ ...frame, n: index + 1 }));
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

function lineOf(detail: FrameDetail): FrameLine {
  const { n, seq, t_ms, process, socket, direction, peer, type, bytes, message } = detail;
  return {
    ...(n === undefined ? {} : { n }),
    ...{ seq, t_ms, process, socket, direction, peer, type, bytes, message },
  };
}

function capacityOf(frames: readonly FrameDetail[], rank: number): number {
  const found = frames.find(
    ({ type, peer }) => type === 'EngineCoreReadyResponse' && peer === rank,
  );
  const message = found?.message as { readonly kv_cache_size_tokens: number } | undefined;
  if (message === undefined) throw new Error(`no ready response of engine ${rank}`);
  return message.kv_cache_size_tokens;
}

function engineOf(rank: number, tokens: number): EngineState {
  return {
    rank,
    pid: 4_000 + rank,
    state: 'READY',
    gpu: rank === 0 ? 'H100' : 'L4',
    is_twin: true,
    ready_response: null,
    kv_cache_size_tokens: tokens,
    kv_cache_max_concurrency: 3.25 + rank,
    num_requests_running: 0,
    num_requests_waiting: 0,
    kv_cache_usage_perc: 0.125,
    clock: null,
  };
}

function metricsOf(tokens: readonly number[]): string {
  const each = (line: (engine: number) => string): readonly string[] =>
    tokens.map((_, r) => line(r));
  return [
    '# HELP vllm:cache_config_info Information of the LLMEngine CacheConfig',
    '# TYPE vllm:cache_config_info gauge',
    ...each((r) => `vllm:cache_config_info{engine="${r}",kv_cache_size_tokens="${tokens[r]}"} 1`),
    '# HELP vllm:num_requests_running Number of requests in model execution batches.',
    '# TYPE vllm:num_requests_running gauge',
    ...each((r) => `vllm:num_requests_running{engine="${r}",model_name="m"} ${r + 1}`),
    '# HELP vllm:generation_tokens_total Number of generation tokens processed.',
    '# TYPE vllm:generation_tokens_total counter',
    ...each((r) => `vllm:generation_tokens_total{engine="${r}",model_name="m"} ${1_000 * (r + 1)}`),
    '# HELP vllm:time_to_first_token_seconds Histogram of time to first token in seconds.',
    '# TYPE vllm:time_to_first_token_seconds histogram',
    'vllm:time_to_first_token_seconds_bucket{engine="0",le="0.1"} 1',
    'vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf"} 2',
    'vllm:time_to_first_token_seconds_sum{engine="0"} 0.25',
    'vllm:time_to_first_token_seconds_count{engine="0"} 2',
    '',
  ].join('\n');
}

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
