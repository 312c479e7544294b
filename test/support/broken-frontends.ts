/**
 * For each check of `conform frontend` a frontend that fails it and no other: our own with a fault of the catalogue, or with
 * somebody on its wire or in front of its HTTP side.
 */
import type { Spoil } from '../../src/conform/frontend/frontend-options.ts';
import {
  type BreakHttp,
  metricsLines,
  ofLimit,
  sampleValues,
  withStatus,
  withText,
} from './broken-http.ts';
import {
  allToFirstEngine,
  changedAdd,
  changedInit,
  changedParams,
  doubledInit,
  openHandshake,
  rankUnheeded,
  repeatedIds,
  spoilt,
  spoiltInit,
  toFirstEngine,
  withoutAborts,
  withoutCoordinator,
  withoutMoreKeys,
} from './broken-wire.ts';
import type { WireMutation } from './mutating-transport.ts';

export interface BrokenFrontend {
  /** The state of a mutation is a run's own. */
  readonly wire?: () => WireMutation;
  readonly http?: () => BreakHttp;
  readonly fault?: Readonly<Record<string, unknown>>;
  /** It is injected before a completion of so many tokens. Default: before the first scrape. */
  readonly atLimit?: number;
  /** How its start is spoilt. */
  readonly spoil?: Spoil;
  /** Default: two engines of a dense model. */
  readonly engines?: 'one' | 'moe';
}

const NOWHERE = 'tcp://127.0.0.1:9';

const inWire = (wire: () => WireMutation): BrokenFrontend => ({ wire });
const inHttp = (http: () => BreakHttp): BrokenFrontend => ({ http });
/** Completions of so many tokens fail. */
const refusing = (limit: number): BrokenFrontend => inHttp(() => ofLimit(limit, withStatus(503)));
const finishing = (word: string): BrokenFrontend =>
  inHttp(() =>
    ofLimit(
      2,
      withText((text) => text.replaceAll(`"finish_reason":"${word}"`, '"finish_reason":"other"')),
    ),
  );
const hold = (metric: string): BrokenFrontend => ({
  fault: { fault: 'metrics.hold', metric, engine: 0, value: metric.endsWith('_perc') ? 1 : 77 },
});

/** /health says 200 whatever is, from when on a completion of so many tokens was asked for. */
function alwaysHealthy(isNow: (limits: ReadonlySet<unknown>) => boolean): BreakHttp {
  const limits = new Set<unknown>();
  return async ({ path, body, next }) => {
    limits.add(body['max_tokens']);
    if (path === '/health' && isNow(limits)) return new Response('', { status: 200 });
    return next();
  };
}

/** Such lines of /metrics are there once a completion was answered. */
function untilAnswered(isLate: (line: string) => boolean): BrokenFrontend {
  return inHttp(() => {
    let hasAnswered = false;
    const withoutLate = metricsLines((line) => (isLate(line) ? null : line));
    return async (asked) => {
      if (asked.path === '/metrics' && !hasAnswered) return withoutLate(asked);
      const response = await asked.next();
      if (asked.path === '/v1/completions' && response.status === 200) hasAnswered = true;
      return response;
    };
  });
}

/** It serves whatever came at its start. */
const undaunted = (spoil: Spoil): BrokenFrontend => ({
  spoil,
  http:
    () =>
    async ({ path }) => {
      const model = '{"data":[{"id":"tiny"}]}';
      return new Response(path === '/v1/models' ? model : '', { status: 200 });
    },
});

const REFUSALS: Readonly<Record<string, BrokenFrontend>> = {
  'frontend.refuses.hello_twice': undaunted('hello-twice'),
  'frontend.refuses.unknown_rank': undaunted('unknown-rank'),
  'frontend.refuses.garbage': undaunted('garbage'),
  'frontend.refuses.wrong_place': undaunted('wrong-place'),
};

const START: Readonly<Record<string, BrokenFrontend>> = {
  'frontend.init.once': inWire(doubledInit),
  'frontend.init.form': inWire(spoiltInit),
  'frontend.init.addresses': inWire(() =>
    changedInit((init) => ({
      ...init,
      addresses: { ...init.addresses, outputs: [...init.addresses.outputs, NOWHERE] },
    })),
  ),
  'frontend.init.same': inWire(() =>
    changedInit((init, rank) => ({
      ...init,
      addresses: { ...init.addresses, frontendStatsPublishAddress: `tcp://127.0.0.1:${rank + 1}` },
    })),
  ),
  'frontend.init.coordinator': {
    engines: 'one',
    wire: () =>
      changedInit((init) => ({
        ...init,
        addresses: { ...init.addresses, coordinatorOutput: NOWHERE },
      })),
  },
  'frontend.init.parallel_config': inWire(() =>
    changedInit((init) => ({ ...init, parallelConfig: { data_parallel_size: 2 } })),
  ),
  'frontend.start.waits': inHttp(() => alwaysHealthy((limits) => !limits.has(1))),
  'frontend.start.order': inHttp(() => async ({ path, next }) => {
    const response = await next();
    return path === '/v1/completions' ? new Response('not yet', { status: 503 }) : response;
  }),
  'frontend.start.health': inHttp(() => async ({ path, next }) => {
    const response = await next();
    return path === '/health' ? new Response('', { status: 503 }) : response;
  }),
  'frontend.ready.more_keys': inWire(withoutMoreKeys),
  'frontend.handshake.closed': inWire(openHandshake),
};

const ADDS: Readonly<Record<string, BrokenFrontend>> = {
  'frontend.add.form': inWire(() => spoilt('ADD')),
  'frontend.add.external_req_id': inWire(() =>
    changedAdd((request) => ({ ...request, externalReqId: null })),
  ),
  'frontend.add.request_id': inWire(() => repeatedIds('conform-twice')),
  'frontend.add.arrival_time': inWire(() =>
    changedAdd((request) => ({ ...request, arrivalTime: request.arrivalTime * 1000 })),
  ),
  'frontend.add.client_index': inWire(() =>
    changedAdd((request) => ({ ...request, clientIndex: 3 })),
  ),
  'frontend.add.sampling.limits': inWire(() => changedParams(() => ({ minTokens: 0 }))),
  'frontend.add.sampling.distribution': inWire(() => changedParams(() => ({ seed: null }))),
  'frontend.add.sampling.penalties': inWire(() => changedParams(() => ({ presencePenalty: 0 }))),
  'frontend.add.sampling.stop_token_ids': inWire(() => changedParams(() => ({ stopTokenIds: [] }))),
  'frontend.add.sampling.logprobs': inWire(() =>
    changedParams(({ logprobs }) => ({ logprobs: logprobs === 3 ? 2 : logprobs })),
  ),
  'frontend.add.sampling.logit_bias': inWire(() => changedParams(() => ({ logitBias: null }))),
  'frontend.add.sampling.extra_args': inWire(() => changedParams(() => ({ extraArgs: null }))),
  'frontend.add.prompt_token_ids': inWire(() =>
    changedAdd((request) => ({
      ...request,
      promptTokenIds: request.promptTokenIds?.toReversed() ?? null,
    })),
  ),
  'frontend.add.priority': inWire(() => changedAdd((request) => ({ ...request, priority: 0 }))),
  'frontend.add.cache_salt': inWire(() =>
    changedAdd((request) => ({ ...request, cacheSalt: null })),
  ),
  'frontend.add.data_parallel_rank': inWire(() =>
    changedAdd((request) => ({ ...request, dataParallelRank: null })),
  ),
  'frontend.add.n': inWire(() =>
    changedParams((_, { requestId }) => (/^\d+_/.test(requestId) ? { n: 3 } : {})),
  ),
};

const ANSWERS: Readonly<Record<string, BrokenFrontend>> = {
  'frontend.finish.stop': finishing('stop'),
  'frontend.finish.length': finishing('length'),
  'frontend.finish.abort': finishing('abort'),
  'frontend.finish.error': inHttp(() => ofLimit(2, withStatus(200))),
  'frontend.finish.repetition': finishing('repetition'),
  'frontend.answer.usage': inHttp(() =>
    ofLimit(
      9,
      withText((text) => text.replace('"completion_tokens":9', '"completion_tokens":8')),
    ),
  ),
  'frontend.answer.stream': inHttp(() =>
    ofLimit(
      5,
      withText((text) => text.replace('data: [DONE]', '')),
    ),
  ),
  'frontend.answer.logprobs': inHttp(() =>
    ofLimit(
      80,
      withText((text) => text.replace('"token_logprobs":[-0.5,', '"token_logprobs":[')),
    ),
  ),
  'frontend.stop_string.finish': inHttp(() =>
    ofLimit(
      60,
      withText((text) => text.replace('"finish_reason":"stop"', '"finish_reason":"length"')),
    ),
  ),
  'frontend.stop_string.abort': inWire(() => withoutAborts(60)),
  'frontend.abort.disconnect': inWire(() => withoutAborts(900)),
  'frontend.abort.unanswered': inWire(() => withoutAborts(901)),
  'frontend.abort.form': inWire(() => spoilt('ABORT')),
  'frontend.utility.form': inWire(() => spoilt('UTILITY')),
};

const OUTPUTS: Readonly<Record<string, BrokenFrontend>> = {
  'frontend.outputs.unknown_request': refusing(31),
  'frontend.outputs.finished_twice': refusing(32),
  'frontend.outputs.stats_only': refusing(34),
  'frontend.outputs.several': inHttp(() =>
    ofLimit(
      37,
      withText((text) => text.replace('"completion_tokens":37', '"completion_tokens":36')),
    ),
  ),
};

const label = (name: string, change: (value: string) => string): BrokenFrontend =>
  inHttp(() =>
    metricsLines((line) =>
      line.startsWith('vllm:cache_config_info{')
        ? line.replace(
            new RegExp(`([{,]${name})="([^"]*)"`),
            (_, key: string, value: string) => `${key}="${change(value)}"`,
          )
        : line,
    ),
  );

const METRICS: Readonly<Record<string, BrokenFrontend>> = {
  'frontend.metrics.exposition': { fault: { fault: 'metrics.status' } },
  'frontend.metrics.families': inHttp(() =>
    metricsLines((line) => (line.startsWith('vllm:request_queue_time_seconds') ? null : line)),
  ),
  'frontend.metrics.counters': inHttp(() =>
    sampleValues('vllm:prompt_tokens_total', (value) => -value),
  ),
  'frontend.metrics.cache_config_info': inHttp(() =>
    metricsLines((line) => (/^vllm:cache_config_info\{.*engine="1"/.test(line) ? null : line)),
  ),
  // The sum of both.
  'frontend.metrics.kv_cache_size_tokens': label('kv_cache_size_tokens', () => '40992'),
  'frontend.metrics.kv_cache_max_concurrency': label('kv_cache_max_concurrency', () => '40.03125'),
  'frontend.metrics.num_gpu_blocks': label('num_gpu_blocks', () => '1025'),
  'frontend.metrics.children': inHttp(() =>
    metricsLines((line) => (/^vllm:num_preemptions_total\{.*engine="0"/.test(line) ? null : line)),
  ),
  'frontend.metrics.num_requests_running': hold('vllm:num_requests_running'),
  'frontend.metrics.num_requests_waiting': hold('vllm:num_requests_waiting'),
  'frontend.metrics.kv_cache_usage_perc': hold('vllm:kv_cache_usage_perc'),
  'frontend.metrics.prefix_cache_queries': inHttp(() =>
    sampleValues('vllm:prefix_cache_queries_total', (value) => value * 2),
  ),
  'frontend.metrics.generation_tokens': inHttp(() =>
    sampleValues('vllm:generation_tokens_total', (value) => value * 2),
  ),
  'frontend.metrics.num_preemptions': inHttp(() =>
    sampleValues('vllm:num_preemptions_total', (value) => value * 2),
  ),
  'frontend.metrics.request_success': inHttp(() =>
    sampleValues('vllm:request_success_total', () => 0),
  ),
};

const ENDINGS: Readonly<Record<string, BrokenFrontend>> = {
  'frontend.balance.spread': inWire(() => toFirstEngine(21)),
  'frontend.balance.stats': inWire(() => toFirstEngine(22)),
  'frontend.coordinator.ready': inWire(() => withoutCoordinator('READY')),
  'frontend.coordinator.start_wave': {
    engines: 'moe',
    wire: () => withoutCoordinator('START_DP_WAVE'),
  },
  'frontend.outputs.empty': refusing(50),
  'frontend.outputs.more_fields': refusing(49),
  'frontend.outputs.unknown_engine': refusing(51),
  'frontend.utility.unknown_call': refusing(52),
  'frontend.outputs.garbage': refusing(53),
  'frontend.gone.others': refusing(54),
  'frontend.dead.running': inHttp(() => ofLimit(62, withStatus(200))),
  'frontend.dead.health': inHttp(() => alwaysHealthy((limits) => limits.has(62))),
  'frontend.dead.new_requests': inHttp(
    () =>
      async ({ body, next }) =>
        body['max_tokens'] === 61 ? new Response('', { status: 200 }) : next(),
  ),
};

export const BROKEN_FRONTENDS: Readonly<Record<string, BrokenFrontend>> = {
  ...REFUSALS,
  ...START,
  ...ADDS,
  ...ANSWERS,
  ...OUTPUTS,
  ...METRICS,
  ...ENDINGS,
};

/** Faults of the catalogue that an operator of a frontend knows, and the checks that each of them fails. */
export const FAULTY_FRONTENDS: readonly (BrokenFrontend & { readonly fails: readonly string[] })[] =
  [
    { fault: { fault: 'metrics.truncate' }, fails: ['frontend.metrics.exposition'] },
    {
      fault: { fault: 'metrics.drop-engine', engine: 1 },
      fails: ['frontend.metrics.cache_config_info', 'frontend.metrics.children'],
    },
    {
      fault: { fault: 'metrics.counter-reset', engine: 0 },
      atLimit: 45,
      fails: ['frontend.metrics.counters'],
    },
    {
      fault: {
        ...{ fault: 'metrics.wave', metric: 'vllm:num_requests_running', engine: 1 },
        ...{ min: 100, max: 200 },
      },
      fails: ['frontend.metrics.num_requests_running'],
    },
    { fault: { fault: 'http.cut-stream' }, fails: ['frontend.answer.stream'] },
    { fault: { fault: 'metrics.slow', delay: '500ms' }, fails: [] },
    { fault: { fault: 'http.latency', delay: '100ms' }, fails: [] },
  ];

/** Further ways to break what a check looks at: what is wrong, the check that alone finds it, the frontend. */
export const FURTHER_BROKEN_FRONTENDS: readonly (readonly [string, string, BrokenFrontend])[] = [
  [
    'a family that comes with the first request',
    'frontend.metrics.families',
    untilAnswered((line) => line.startsWith('vllm:request_queue_time_seconds')),
  ],
  [
    'children that come with the first request',
    'frontend.metrics.children',
    untilAnswered((line) => /^vllm:num_preemptions_total\{.*engine="1"/.test(line)),
  ],
  [
    'a scrape that fails later',
    'frontend.metrics.exposition',
    { fault: { fault: 'metrics.status' }, atLimit: 45 },
  ],
  [
    'metrics without an engine label',
    'frontend.metrics.children',
    inHttp(() =>
      metricsLines((line) =>
        line.startsWith('vllm:cache_config_info{') ? line : line.replace(/engine="\d+",?/, ''),
      ),
    ),
  ],
  [
    'usage that counts messages',
    'frontend.answer.usage',
    inHttp(() => async ({ path, next }) => {
      const response = await next();
      if (path !== '/v1/completions') return response;
      const text = (await response.text()).replace(
        /"completion_tokens":\d+/,
        '"completion_tokens":2',
      );
      return new Response(text, { status: response.status });
    }),
  ],
  [
    'X-data-parallel-rank that is not heeded',
    'frontend.add.data_parallel_rank',
    inWire(rankUnheeded),
  ],
  ['all requests for one engine', 'frontend.balance.spread', inWire(allToFirstEngine)],
];
