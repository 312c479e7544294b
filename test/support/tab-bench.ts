import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ClockState } from '../../src/shared/twin-api/engine-views.ts';
import type { ClockRequest, TwinState } from '../../src/shared/twin-api/state.ts';
import { FakeEngineViews } from './fake-engine-views.ts';
import { packageFile } from './package.ts';

const MODEL = 'google/gemma-3-27b-it';

/** What the API says of such an engine. */
export const STRANGER = 'engine 0 does not know vllm_twin_blocks: it is no engine of vllm-twin';

export interface TabBenchOptions {
  /** Engines that know none of our utility calls, and answer so. */
  readonly areStrangers?: boolean;
  readonly changesRefusedBecause?: string;
}

/** The built page over two unequal engines that only pretend, with their API and the endpoints that Playground asks. */
export interface TabBench {
  readonly url: string;
  readonly engines: readonly FakeEngineViews[];
  /** What was asked of the clock, in order. */
  readonly clockRequests: readonly ClockRequest[];
  /** Bodies of requests to /v1, and the keys that came with them. */
  readonly generations: readonly {
    readonly path: string;
    readonly body: string;
    readonly key: string;
  }[];
  /** What the next answers to /v1 are made of. */
  answer: {
    readonly status: number;
    readonly pieces: readonly string[];
    readonly isEndless: boolean;
  };
  /** Answers to /v1 whose client went away before their end. */
  readonly numGivenUp: number;
  step(times: number): void;
  stop(): Promise<void>;
}

export async function startTabBench(options: TabBenchOptions = {}): Promise<TabBench> {
  const common = { model: MODEL, maxModelLen: 32_768 };
  const engines = [
    new FakeEngineViews({ ...common, gpu: 'H100', numBlocks: 50_000, numRequests: 10 }),
    new FakeEngineViews({ ...common, gpu: 'H200', numBlocks: 2_049, numRequests: 2 }),
  ];
  const html = readFileSync(packageFile('dist/page/index.html'), 'utf8');
  const clocks: ClockState[] = engines.map(() => ({ state: 'running', factor: 1, steps_left: 0 }));
  const clockRequests: ClockRequest[] = [];
  const generations: { path: string; body: string; key: string }[] = [];
  const bench = {
    answer: { status: 200, pieces: ['Hello', ' there'], isEndless: false },
    numGivenUp: 0,
  };

  const state = (): TwinState => ({
    vllm_version: '0.33.0',
    model: MODEL,
    phase: 'serving',
    api_server_count: 1,
    frames: { last_n: 0, first_n: 0, num_fallen_out: 0 },
    changes_refused_because: options.changesRefusedBecause ?? null,
    handshake_step: null,
    lesson: null,
    engines: engines.map((engine, rank) => ({
      rank,
      pid: 4_000 + rank,
      state: 'READY',
      gpu: rank === 0 ? 'NVIDIA H100 80GB HBM3' : 'NVIDIA H200',
      is_twin: true,
      ready_response: null,
      kv_cache_size_tokens: rank === 0 ? 52_492 : 227_165,
      kv_cache_max_concurrency: rank === 0 ? 1.6879515264507108 : 7.0186,
      num_requests_running: engine.numRunning,
      num_requests_waiting: engine.numWaiting,
      kv_cache_usage_perc: engine.blocks().usage,
      clock: clocks[rank] ?? null,
    })),
  });
  const view = (rank: number, name: string, query: URLSearchParams): unknown => {
    const engine = engines[rank];
    switch (name) {
      case 'explain':
        return engine?.explain();
      case 'blocks':
        return engine?.blocks();
      case 'block':
        return engine?.block(Number(query.get('id')));
      case 'request':
        return engine?.request(query.get('id') ?? '');
      case 'steps':
        return engine?.steps(Number(query.get('since')));
      default:
        return undefined;
    }
  };
  const changeClock = (request: ClockRequest): unknown => {
    clockRequests.push(request);
    clocks.forEach((clock, rank) => {
      if (request.engine !== undefined && request.engine !== rank) return;
      clocks[rank] = {
        state: request.state ?? (request.steps === undefined ? clock.state : 'paused'),
        factor: request.factor ?? clock.factor,
        steps_left: 0,
      };
      engines[rank]?.stepTimes(request.steps ?? 0);
    });
    return { clocks: Object.fromEntries(clocks.entries()) };
  };
  const generate = (path: string, body: string, key: string, response: ServerResponse): void => {
    generations.push({ path, body, key });
    const { status, pieces, isEndless } = bench.answer;
    if (status !== 200) {
      json(response, { error: { message: pieces.join('') } }, status);
      return;
    }
    if (!(JSON.parse(body) as { stream?: boolean }).stream) {
      json(response, { id: 'cmpl-load', choices: [] });
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const text of pieces) {
      const choice = path.includes('chat') ? { delta: { content: text } } : { text };
      const chunk = { id: 'cmpl-5eed<i>', choices: [{ index: 0, ...choice }] };
      response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    }
    response.on('close', () => {
      if (!response.writableFinished) bench.numGivenUp++;
    });
    if (!isEndless) response.end('data: [DONE]\n\n');
  };

  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://twin');
      const engine = /^\/twin\/api\/engines\/(\d+)\/(\w+)$/.exec(pathname);
      if (engine !== null && options.areStrangers === true) {
        json(response, { error: { message: STRANGER } }, 501);
      } else if (engine !== null) {
        json(response, view(Number(engine[1]), engine[2] ?? '', searchParams) ?? null);
      } else if (pathname === '/twin/api/state') json(response, state());
      else if (pathname === '/twin/api/clock') json(response, changeClock(JSON.parse(body)));
      else if (pathname === '/twin/api/events') {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`event: state\ndata: ${JSON.stringify(state())}\n\n`);
        const timer = setInterval(
          () => response.write(`event: state\ndata: ${JSON.stringify(state())}\n\n`),
          100,
        );
        response.on('close', () => clearInterval(timer));
      } else if (pathname === '/v1/models') json(response, { data: [{ id: MODEL }] });
      else if (pathname.startsWith('/v1/')) {
        generate(pathname, body, request.headers.authorization ?? '', response);
      } else if (pathname === '/twin' || pathname === '/twin/') {
        response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html);
      } else if (pathname === '/twin/api/frames') response.writeHead(200).end();
      else if (pathname === '/favicon.ico') response.writeHead(204).end();
      else if (pathname === '/metrics') response.writeHead(200).end();
      else json(response, { error: { message: `no ${pathname} here` } }, 404);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(bench, {
    url: `http://127.0.0.1:${port}/twin`,
    engines,
    clockRequests,
    generations,
    step: (times: number) => {
      for (const engine of engines) engine.stepTimes(times);
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
