/** What engines and the coordinator send. Source: the files that are named (0.33.0). */
import type { StructDocs } from './struct-doc.ts';

export const OUTPUT_DOCS: StructDocs = {
  EngineCoreOutputs: {
    file: 'vllm/v1/engine/__init__.py',
    fields: {
      engine_index: 'Rank of the engine that sends it.',
      outputs: 'What the step gave for each request of this client.',
      scheduler_stats:
        "The engine's figures after the step; null for clients that get none and where --disable-log-stats is set.",
      timestamp: "When it was made, seconds of the engine machine's monotonic clock.",
      utility_output: 'Answer to a utility call; null where this is none.',
      finished_requests:
        'Ids of requests that ended in this step, for clients that keep count of them; null otherwise.',
      wave_complete: 'The wave that has ended: all engines are idle. Null otherwise.',
      start_wave:
        'The wave that has to begin, because a request came for one that was over. Null otherwise.',
      weight_version: 'Version of the weights that the step used; null where they never change.',
    },
  },
  EngineCoreOutput: {
    file: 'vllm/v1/engine/__init__.py',
    fields: {
      request_id: "The frontend's id of the request.",
      new_token_ids: 'Tokens that this step gave.',
      new_logprobs: 'Log probabilities of these tokens; null where none were asked for.',
      new_prompt_logprobs_tensors:
        'Log probabilities of prompt tokens, as far as they were computed; null where none were asked for.',
      pooling_output: 'Result of a pooling model; null for generation.',
      finish_reason:
        'Why the request ended: 0 stop, 1 length, 2 abort, 3 error, 4 repetition; null while it goes on.',
      stop_reason:
        'The token id or text that ended it; null where that was the end-of-sequence token or something else.',
      events: 'What happened to the request since its last output; null for nothing.',
      kv_transfer_params: 'Where another engine finds its KV cache; null without a transfer.',
      ec_transfer_params: 'Where another engine finds its encoder cache; null without a transfer.',
      trace_headers: 'Headers of a distributed trace; null for none.',
      prefill_stats: 'How its prompt was computed, with its first output; null afterwards.',
      routed_experts: 'Experts that its tokens went to; null where they were not asked for.',
      num_nans_in_logits: 'Logits that are no number; above 0 the output is spoilt.',
      mm_cache_miss_hashes:
        'Hashes of images, audio or video that the engine no longer has: the request has to be sent again with them. Null for none.',
      new_sampling_mask: 'Tokens that could have been chosen; null where they were not asked for.',
      spec_decode_metrics:
        'How often drafts were accepted, with the last output; null without speculative decoding.',
      prompt_token_id_logprobs:
        'Log probabilities of the token ids asked for at each position of the prompt; null for none.',
      error: 'What went wrong, where finish_reason is error; null otherwise.',
    },
  },
  UtilityOutput: {
    file: 'vllm/v1/engine/__init__.py',
    fields: {
      call_id: 'Number of the call that this answers.',
      failure_message: 'Why the call failed; null where it did not.',
      result:
        'What it returned, with the name of its type where that has to be known; null where it failed.',
    },
  },
  EngineCoreEvent: {
    file: 'vllm/v1/engine/__init__.py',
    fields: {
      type: 'What happened: 1 queued, 2 scheduled, 3 preempted.',
      timestamp: "When, seconds of the engine's monotonic clock; differences count, not the value.",
    },
  },
  RequestError: {
    file: 'vllm/outputs.py',
    fields: {
      code: 'Kind of the error.',
      message: 'What is told to the client.',
      retryable: 'Whether the same request may succeed later.',
    },
  },
  LogprobsLists: {
    file: 'vllm/v1/outputs.py',
    fields: {
      logprob_token_ids:
        'Token ids: the chosen one first, then the most likely ones; a row a token.',
      logprobs: 'Their log probabilities, in the same order.',
      sampled_token_ranks: 'Rank of each chosen token among all; 1 is the most likely one.',
      cu_num_generated_tokens:
        'Where the rows of each request begin, where they have different numbers of tokens; null otherwise.',
    },
  },
  LogprobsTensors: {
    file: 'vllm/v1/outputs.py',
    fields: {
      logprob_token_ids:
        "Token ids: the prompt's own first, then the most likely ones; a row a token.",
      logprobs: 'Their log probabilities, in the same order.',
      selected_token_ranks:
        "Rank of each of the prompt's tokens among all; 1 is the most likely one.",
      cu_num_generated_tokens: 'Where the rows of each request begin; null where that is clear.',
      cu_num_generated_tokens_tensor:
        'The same, where it was known on the GPU alone; null otherwise.',
    },
  },
  SamplingMaskLists: {
    file: 'vllm/v1/outputs.py',
    fields: {
      token_ids: 'Tokens that could have been chosen, position after position.',
      offsets: 'Where the tokens of each position begin; null for a single position.',
      cu_num_generated_tokens: 'Where the positions of each request begin; null for one request.',
    },
  },
  RequestSpecDecodeMetrics: {
    file: 'vllm/v1/metrics/stats.py',
    fields: {
      num_spec_tokens: 'Tokens that a draft may have.',
      histogram: 'Steps by how many tokens of the draft were accepted, from 0 on.',
      num_draft_tokens: 'Tokens of all drafts.',
      per_step_accepted: 'Tokens accepted in each step; empty unless details were asked for.',
      per_step_drafted: 'Tokens drafted in each step; empty unless details were asked for.',
    },
  },
  CoordinatorUpdate: {
    file: 'vllm/v1/engine/coordinator.py',
    symbol: 'DPCoordinatorProc.process_input_socket',
    fields: {
      counts:
        'For each engine its waiting and running requests and its KV cache usage from 0 to 1; null where only the wave changed.',
      current_wave: 'The wave that runs, or the next one while none does.',
      engines_running: 'Whether a wave runs: all engines step together.',
    },
  },
};
