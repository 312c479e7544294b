/** For each fault that a running server can have: parameters, and what shows that it is there, and that it has gone. */
import { expect } from 'vitest';
import { samplesByKey } from './exposition.ts';
import { waitUntil } from './wait-for.ts';

/** A server of two engines, as a client sees it. */
export class ServerUnderFault {
  readonly url: string;
  readonly model: string;
  /** What it has logged so far. */
  readonly log: () => string;

  constructor(url: string, model: string, log: () => string) {
    this.url = url;
    this.model = model;
    this.log = log;
  }

  complete(
    options: Readonly<Record<string, unknown>> = {},
    { rank, signal }: { readonly rank?: number; readonly signal?: AbortSignal } = {},
  ): Promise<Response> {
    const body = { model: this.model, prompt: 'Once upon a time', max_tokens: 1, ignore_eos: true };
    return fetch(`${this.url}/v1/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(rank === undefined ? {} : { 'x-data-parallel-rank': String(rank) }),
      },
      body: JSON.stringify({ ...body, ...options }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** Answered with 200, all of it. */
  async completes(options: Readonly<Record<string, unknown>> = {}, rank?: number): Promise<void> {
    const response = await this.complete(options, rank === undefined ? {} : { rank });
    expect(response.status, await response.text()).toBe(200);
  }

  async sample(key: string): Promise<number | undefined> {
    return (await this.samples()).get(key);
  }

  async samples(): Promise<ReadonlyMap<string, number>> {
    return samplesByKey(await (await fetch(`${this.url}/metrics`)).text());
  }

  async gauge(name: string, engine: number): Promise<number | undefined> {
    return this.sample(`${name}{engine="${engine}",model_name="${this.model}"}`);
  }

  async elapsedMs(action: () => Promise<unknown>): Promise<number> {
    const startMs = performance.now();
    await action();
    return performance.now() - startMs;
  }

  pending: { readonly answer: Promise<Response | null>; readonly cancel: () => void } | null = null;

  /** A request that runs, and goes on for a while. */
  async runs(options: Readonly<Record<string, unknown>>, rank: number): Promise<void> {
    this.hold(options, rank);
    await waitUntil(
      'a running request',
      async () => (await this.gauge('vllm:num_requests_running', rank)) === 1,
    );
  }

  /** A request that the fault keeps waiting: whether it has been answered. */
  hold(options: Readonly<Record<string, unknown>>, rank: number): { readonly isOver: boolean } {
    const state = { isOver: false };
    const controller = new AbortController();
    const answer = this.complete(options, { rank, signal: controller.signal }).then(
      (response) => {
        state.isOver = true;
        return response;
      },
      () => null,
    );
    this.pending = { answer, cancel: () => controller.abort() };
    return state;
  }
}

export interface FaultProof {
  readonly engine?: number;
  /** Flat. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** What has to be there before. */
  readonly prepare?: (server: ServerUnderFault) => Promise<void>;
  /** While it is active, or after it has happened. */
  readonly see: (server: ServerUnderFault) => Promise<void>;
  /** After it has been ended. */
  readonly seeAfter?: (server: ServerUnderFault) => Promise<void>;
}

const USAGE = 'vllm:kv_cache_usage_perc';

async function completesAgain(server: ServerUnderFault): Promise<void> {
  server.pending?.cancel();
  server.pending = null;
  await server.completes({}, 1);
}

/** Faults that leave the server alive. */
export const PROOFS: Readonly<Record<string, FaultProof>> = {
  'engine.hang': {
    engine: 1,
    see: async (server) => {
      const held = server.hold({}, 1);
      await server.completes({}, 0);
      expect(held.isOver).toBe(false);
      expect((await fetch(`${server.url}/health`)).status).toBe(200);
    },
    seeAfter: async (server) => expect((await server.pending?.answer)?.status).toBe(200),
  },
  'engine.slow': {
    engine: 1,
    parameters: { factor: 50 },
    see: async (server) => {
      const slow = await server.elapsedMs(() => server.completes({ max_tokens: 4 }, 1));
      expect(slow).toBeGreaterThan(4 * 2 * 50 * 0.9);
    },
  },
  'engine.reserve-kv': {
    engine: 1,
    parameters: { share: 0.95 },
    see: async (server) => {
      await waitUntil(
        'usage of engine 1',
        async () => ((await server.gauge(USAGE, 1)) ?? 0) >= 0.95,
      );
      expect(await server.gauge(USAGE, 0)).toBe(0);
    },
    seeAfter: (server) =>
      waitUntil('no usage of engine 1', async () => (await server.gauge(USAGE, 1)) === 0),
  },
  'engine.preempt': {
    engine: 1,
    parameters: { count: 2 },
    prepare: (server) => server.runs({ max_tokens: 900, prompt: [1, 2, 3] }, 1),
    see: async (server) => {
      const preemptions = (): Promise<number | undefined> =>
        server.gauge('vllm:num_preemptions_total', 1);
      await waitUntil('a preemption', async () => ((await preemptions()) ?? 0) >= 1);
      server.pending?.cancel();
    },
  },
  'wire.delay': {
    engine: 1,
    parameters: { delay: '150ms' },
    see: async (server) => {
      expect(await server.elapsedMs(() => server.completes({}, 1))).toBeGreaterThan(290);
    },
  },
  'wire.drop': {
    engine: 1,
    parameters: { every: 1, direction: 'to-engine' },
    see: async (server) => {
      const held = server.hold({}, 1);
      await server.completes({}, 0);
      expect(held.isOver).toBe(false);
    },
    seeAfter: completesAgain,
  },
  'wire.garbage': {
    engine: 1,
    parameters: { every: 1, direction: 'from-engine' },
    see: async (server) => {
      const held = server.hold({}, 1);
      // Counted always, said of the first, the tenth, …
      await waitUntil('a line of a dropped message', async () =>
        /dropped|decode/i.test(server.log()),
      );
      expect(held.isOver).toBe(false);
      await server.completes({}, 0);
    },
    seeAfter: completesAgain,
  },
  'http.error': {
    parameters: { status: 503, every: 2 },
    see: async (server) => {
      const answers = await Promise.all([server.complete(), server.complete()]);
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 503]);
      const refused = answers.find(({ status }) => status === 503);
      expect(await refused?.json()).toMatchObject({ error: { code: 503 } });
    },
    seeAfter: async (server) => {
      await server.completes();
      await server.completes();
    },
  },
  'http.latency': {
    parameters: { delay: '300ms' },
    see: async (server) => {
      expect(await server.elapsedMs(() => server.completes())).toBeGreaterThan(290);
    },
  },
  'http.cut-stream': {
    parameters: { after: 2 },
    see: async (server) => {
      const response = await server.complete({ stream: true, max_tokens: 50 });
      await expect(response.text()).rejects.toThrow();
    },
    seeAfter: async (server) => {
      const response = await server.complete({ stream: true, max_tokens: 5 });
      expect(await response.text()).toContain('data: [DONE]');
    },
  },
  'http.refuse': {
    see: async (server) => {
      await expect(fetch(`${server.url}/health`)).rejects.toThrow();
      await expect(server.complete()).rejects.toThrow();
      expect((await fetch(`${server.url}/metrics`)).status).toBe(200);
    },
    seeAfter: async (server) => expect((await fetch(`${server.url}/health`)).status).toBe(200),
  },
  'metrics.slow': {
    parameters: { delay: '300ms' },
    see: async (server) => {
      expect(await server.elapsedMs(() => server.samples())).toBeGreaterThan(290);
    },
  },
  'metrics.status': {
    parameters: { status: 503 },
    see: async (server) => expect((await fetch(`${server.url}/metrics`)).status).toBe(503),
    seeAfter: async (server) => expect((await fetch(`${server.url}/metrics`)).status).toBe(200),
  },
  'metrics.truncate': {
    parameters: { share: 0.5 },
    see: async (server) => {
      const response = await fetch(`${server.url}/metrics`);
      expect(response.status).toBe(200);
      await expect(response.text()).rejects.toThrow();
    },
  },
  'metrics.freeze': {
    see: async (server) => {
      const key = `vllm:generation_tokens_total{engine="1",model_name="${server.model}"}`;
      const before = await server.sample(key);
      await server.completes({ max_tokens: 3 }, 1);
      expect(await server.sample(key)).toBe(before);
    },
  },
  'metrics.drop-engine': {
    engine: 1,
    see: async (server) => {
      expect(await server.gauge(USAGE, 1)).toBeUndefined();
      expect(await server.gauge(USAGE, 0)).toBeDefined();
    },
    seeAfter: async (server) => expect(await server.gauge(USAGE, 1)).toBeDefined(),
  },
  'metrics.counter-reset': {
    engine: 1,
    prepare: (server) => server.completes({ max_tokens: 3 }, 1),
    see: (server) =>
      waitUntil(
        'a counter that begins anew',
        async () => (await server.gauge('vllm:generation_tokens_total', 1)) === 0,
      ),
  },
  'metrics.hold': {
    engine: 1,
    parameters: { metric: USAGE, value: 0.93 },
    see: async (server) => {
      expect(await server.gauge(USAGE, 1)).toBe(0.93);
      expect(await server.gauge(USAGE, 0)).toBe(0);
    },
    seeAfter: async (server) => expect(await server.gauge(USAGE, 1)).toBe(0),
  },
  'metrics.wave': {
    engine: 1,
    parameters: { metric: USAGE, shape: 'square', min: 0.25, max: 0.75, period: '10s' },
    see: async (server) => {
      expect([0.25, 0.75]).toContain(await server.gauge(USAGE, 1));
      expect(await server.gauge(USAGE, 0)).toBe(0);
    },
  },
  'metrics.names': {
    parameters: { version: '0.28.0' },
    prepare: async (server) => {
      const key = `vllm:request_num_preemptions_count{engine="0",model_name="${server.model}"}`;
      expect(await server.sample(key)).toBeDefined();
    },
    see: async (server) => {
      const names = new Set([...(await server.samples()).keys()].map((key) => key.split('{')[0]));
      expect(names).toContain('vllm:kv_cache_usage_perc');
      expect(names).not.toContain('vllm:request_num_preemptions_count');
    },
  },
};
