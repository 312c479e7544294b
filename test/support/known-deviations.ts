/**
 * What frontends of other people do unlike vLLM's in Python, by check of `conform frontend`: a deviation that is not here fails
 * the test of that frontend, and so does one that is gone. docs/compatibility.md says the same.
 */

import { VLLM_VERSION } from '../../src/shared/version.ts';
import { SMG_VERSION } from './smg.ts';

export interface KnownDeviations {
  readonly peer: string;
  /** What it does instead, by check. */
  readonly failed: Readonly<Record<string, string>>;
  /** Why there is nothing to judge, by check. */
  readonly notApplicable: Readonly<Record<string, string>>;
}

const NO_CACHE_CONFIG = 'it has no vllm:cache_config_info';
const NO_VLLM_METRICS = 'its metrics are its own (smg_…): there is none of vLLM';
const NO_COORDINATOR = 'it runs no coordinator that engines see';
const STARTS_AGAIN = 'it begins the handshake again by itself, sooner or later';
const NO_CALLS = 'it calls no method of an engine that is asked for here';

export const VLLM_RS_DEVIATIONS: KnownDeviations = {
  peer: `vllm-rs ${VLLM_VERSION}`,
  failed: {
    'frontend.add.n': 'n other than 1 is refused with 400',
    'frontend.metrics.families':
      'four are not there: engine_sleep_state, mm_cache_queries, mm_cache_hits and admission_rejections',
    'frontend.metrics.cache_config_info': NO_CACHE_CONFIG,
    'frontend.outputs.empty':
      'an "invalid wire shape": every request fails, and nothing is served any more',
    'frontend.outputs.more_fields':
      'ten fields are no EngineCoreOutputs: every request fails, and nothing is served any more',
  },
  notApplicable: {
    'frontend.coordinator.ready': NO_COORDINATOR,
    'frontend.coordinator.start_wave': NO_COORDINATOR,
    'frontend.metrics.kv_cache_size_tokens': NO_CACHE_CONFIG,
    'frontend.metrics.kv_cache_max_concurrency': NO_CACHE_CONFIG,
    'frontend.metrics.num_gpu_blocks': NO_CACHE_CONFIG,
    'frontend.utility.form': NO_CALLS,
  },
};

export const SMG_DEVIATIONS: KnownDeviations = {
  peer: `smg ${SMG_VERSION}`,
  failed: {
    'frontend.start.waits': "/health is the gateway's own: 200 without any engine",
    'frontend.add.external_req_id': "external_req_id is null; the client's id begins request_id",
    'frontend.add.sampling.logit_bias': 'logit_bias is not handed on',
    'frontend.add.sampling.extra_args': 'vllm_xargs are not handed on',
    'frontend.add.prompt_token_ids': 'a prompt of token ids is refused with 400',
    'frontend.add.priority': 'priority is not handed on',
    'frontend.add.cache_salt': 'cache_salt is not handed on',
    'frontend.add.data_parallel_rank': 'X-data-parallel-rank is not obeyed',
    'frontend.finish.error': 'the client is never answered',
    'frontend.finish.repetition': 'finish_reason is "stop"',
    'frontend.answer.logprobs': 'completions have no logprobs',
    'frontend.stop_string.abort': 'the engine is not told: it goes on to max_tokens',
    'frontend.abort.disconnect':
      'the engine is not told before there is more to write to the client',
    'frontend.metrics.exposition': NO_VLLM_METRICS,
    'frontend.balance.stats': 'requests are spread by what it sent itself, whatever engines say',
    'frontend.dead.health': "/health is the gateway's own: 200 all the same",
  },
  notApplicable: {
    'frontend.coordinator.ready': NO_COORDINATOR,
    'frontend.coordinator.start_wave': NO_COORDINATOR,
    'frontend.refuses.hello_twice': STARTS_AGAIN,
    'frontend.refuses.unknown_rank': STARTS_AGAIN,
    'frontend.refuses.garbage': STARTS_AGAIN,
    'frontend.refuses.wrong_place': STARTS_AGAIN,
    'frontend.gone.others': 'no engine can be left out where X-data-parallel-rank is not obeyed',
    'frontend.metrics.families': NO_VLLM_METRICS,
    'frontend.metrics.counters': NO_VLLM_METRICS,
    'frontend.metrics.cache_config_info': NO_VLLM_METRICS,
    'frontend.metrics.kv_cache_size_tokens': NO_VLLM_METRICS,
    'frontend.metrics.kv_cache_max_concurrency': NO_VLLM_METRICS,
    'frontend.metrics.num_gpu_blocks': NO_VLLM_METRICS,
    'frontend.metrics.children': NO_VLLM_METRICS,
    'frontend.metrics.num_requests_running': NO_VLLM_METRICS,
    'frontend.metrics.num_requests_waiting': NO_VLLM_METRICS,
    'frontend.metrics.kv_cache_usage_perc': NO_VLLM_METRICS,
    'frontend.metrics.prefix_cache_queries': NO_VLLM_METRICS,
    'frontend.metrics.generation_tokens': NO_VLLM_METRICS,
    'frontend.metrics.num_preemptions': NO_VLLM_METRICS,
    'frontend.metrics.request_success': NO_VLLM_METRICS,
    'frontend.utility.form': NO_CALLS,
  },
};

/** Nothing: the checks are what it does. */
export const PYTHON_DEVIATIONS: KnownDeviations = {
  peer: `Python vllm serve ${VLLM_VERSION}`,
  failed: {},
  notApplicable: {
    'frontend.coordinator.start_wave': 'the model is no mixture of experts',
  },
};
