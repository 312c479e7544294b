/** What clients send. Source: the files that are named (0.33.0). */
import type { StructDocs } from './struct-doc.ts';

export const REQUEST_DOCS: StructDocs = {
  EngineCoreRequest: {
    file: 'vllm/v1/engine/__init__.py',
    fields: {
      request_id: "The frontend's own id of the request, with which outputs come back.",
      prompt_token_ids: 'The prompt as token ids; null where it is given as embeddings alone.',
      mm_features: 'Images, audio or video of the prompt; null where it is text alone.',
      sampling_params: 'How tokens are chosen and when to stop; null for pooling requests.',
      pooling_params: 'What a pooling model is asked for; null for generation.',
      arrival_time:
        'When the request reached the frontend, seconds of the wall clock; orders requests of the same priority.',
      lora_request: 'The LoRA adapter to use; null for the model itself.',
      cache_salt: 'Text that keeps its prefix cache apart from that of others; null for none.',
      data_parallel_rank: 'The engine that the client asked for; null where the balancer chooses.',
      prompt_embeds: 'The prompt as embeddings; null where it is token ids.',
      prompt_is_token_ids:
        'For each position of a mixed prompt whether it is a token id (true) or an embedding; null for prompts of one kind.',
      client_index: 'Which API server the outputs go to: place in the addresses of INIT.',
      current_wave:
        'The wave that the frontend believes to be running; an engine that is further on starts the next one.',
      priority: 'Lower goes first where the scheduler works by priority.',
      trace_headers: 'Headers of a distributed trace; null for none.',
      resumable: 'Whether more input will follow for the same request, as with streamed prompts.',
      external_req_id: 'The id that the user gave or was told, for aborts by it; null for none.',
      reasoning_ended:
        'Whether the prompt is already past its reasoning part, for structured output; null for not known.',
      reasoning_parser_kwargs: 'Arguments for the reasoning parser; null for none.',
      abort_immediately:
        'Whether the request is only put into the queue to be aborted, so that a KV transfer is cleaned up.',
      session_id: 'The conversation that the request belongs to; null for none.',
      kv_hints: 'What is known of how long its blocks will be useful; null for nothing.',
    },
  },
  SamplingParams: {
    file: 'vllm/sampling_params.py',
    fields: {
      n: 'Outputs asked for; the frontend makes a request of each, so that engines see 1.',
      presence_penalty: 'Taken from the logits of tokens that the output has already.',
      frequency_penalty:
        'Taken from the logits of tokens of the output as many times as they are in it.',
      repetition_penalty:
        'Divides the logits of tokens of prompt and output; above 1 they become less likely.',
      temperature: 'Randomness of the choice; 0 takes the most likely token.',
      watermarking: "Whether the engine's watermark is applied; null for yes.",
      top_p: 'Share of probability of the tokens to choose from, in (0, 1].',
      top_k: 'Number of most likely tokens to choose from; 0 or -1 for all.',
      min_p: "Least probability of a token as a share of the most likely one's, in [0, 1].",
      seed: 'Seed of the random choice; null for any.',
      stop: 'Texts that end the output; the frontend looks for them.',
      stop_token_ids: 'Token ids that end the output.',
      ignore_eos: 'Whether to go on behind the end-of-sequence token.',
      max_tokens: 'Most tokens of the output; null for up to max_model_len.',
      min_tokens: 'Tokens of the output before it may end by a stop token.',
      logprobs:
        'Most likely tokens whose log probabilities are returned for each output token; -1 for the whole vocabulary, null for none.',
      prompt_logprobs: 'The same for each token of the prompt.',
      prompt_logprob_token_ids:
        'Token ids whose log probabilities are asked for, a row for each position of the prompt; null for none.',
      prompt_logprob_start: 'First position of the prompt with such a row; null for the first one.',
      logprob_token_ids:
        'Token ids whose log probabilities are returned for each output token; null for none.',
      flat_logprobs: 'Whether log probabilities are kept in flat lists, which are cheaper.',
      detokenize: 'Whether the frontend makes text of the tokens.',
      skip_special_tokens: 'Whether special tokens are left out of the text.',
      spaces_between_special_tokens: 'Whether spaces are put between special tokens.',
      include_stop_str_in_output: 'Whether the text that ended the output is part of it.',
      output_kind:
        'How outputs are handed to the caller: 0 all so far, 1 what is new, 2 the whole at the end.',
      stream_interval: "Tokens that are gathered for an event of a stream; null for the engine's.",
      skip_clone: 'Whether the object may be used as it is, without a copy.',
      output_text_buffer_length:
        'Characters held back from a stream so that a stop text is never shown in part.',
      _eos_token_id:
        'Token id that ends the output; null with ignore_eos or where the tokenizer has none.',
      _all_stop_token_ids: 'All token ids that end the output: what min_tokens has to hold back.',
      _watermarking_skipped: 'Whether the watermark was left out for this request.',
      structured_outputs: 'Grammar that the output has to follow; null for none.',
      logit_bias: 'What is added to the logits of tokens, by token id, in [-100, 100].',
      allowed_token_ids: 'The only token ids that may be chosen; null for all.',
      extra_args: 'Values for plugins; vLLM itself hands them on unread.',
      bad_words: 'Words that the output may not have.',
      _bad_words_token_ids: 'The same words as token ids.',
      skip_reading_prefix_cache:
        'Whether the prompt is computed without the prefix cache; set with prompt_logprobs.',
      thinking_token_budget: 'Most tokens of the reasoning part; null for no limit.',
      repetition_detection: 'When to end an output that repeats itself; null for never.',
      routed_experts_prompt_start:
        'Tokens at the start of the prompt whose expert routing is not returned.',
      trace_decode_token_ids: 'Tokens that are given out instead of chosen ones; null for none.',
    },
  },
  PoolingParams: {
    file: 'vllm/pooling_params.py',
    fields: {
      use_activation:
        "Whether vectors are normalized and logits made probabilities; null for the pooler's default.",
      dimensions: 'Elements of the embedding to keep; null for all.',
      step_tag_id: 'Token whose scores alone a process reward model returns; null for all tokens.',
      returned_token_ids: 'Columns of the vocabulary to return; null for all.',
      task: 'What is made of the prompt: embed, classify, token_embed, token_classify, ….',
      requires_token_ids: 'Whether the pooler looks at the token ids; the engine sets it.',
      skip_reading_prefix_cache:
        'Whether the prompt is computed without the prefix cache, as where every token has a row.',
      late_interaction_params: 'Document or query of a score that the engine makes; null for none.',
      extra_kwargs: 'Values for the model, as the compressed token types of a pair.',
      output_kind: 'Always 2: one output, at the end.',
      late_chunking_params: 'Token embeddings as means over chunks; null for each token.',
    },
  },
  LateInteractionParams: {
    file: 'vllm/pooling_params.py',
    fields: {
      mode: 'What is done: cache_query keeps the embeddings of a query, score_doc scores a document with them.',
      query_key: 'Names the query; picks the engine too.',
      query_uses: 'Documents that will be scored with it.',
    },
  },
  LateChunkingParams: {
    file: 'vllm/pooling_params.py',
    fields: { chunk_size: 'Tokens of a chunk, special ones included.' },
  },
  RepetitionDetectionParams: {
    file: 'vllm/sampling_params.py',
    fields: {
      max_pattern_size: 'Longest pattern in tokens that is looked for; 0 for none.',
      min_pattern_size: 'Shortest pattern in tokens; 0 means 1.',
      min_count: 'How often a pattern has to follow itself to end the output, at least 2.',
    },
  },
  LoRARequest: {
    file: 'vllm/lora/request.py',
    fields: {
      lora_name: "The adapter's name, which clients use as a model name.",
      lora_int_id: "The adapter's number, at least 1; no two adapters have the same.",
      lora_path: 'Folder or repository of the adapter.',
      base_model_name: 'Model that the adapter was made for; null where it is not told.',
      load_inplace: 'Whether an adapter of that number is loaded again and replaced.',
      is_3d_lora_weight:
        'Whether weights of experts are stored fused (3D) and not one by one; read only where both forms are allowed.',
    },
  },
  UtilityCall: {
    file: 'vllm/v1/engine/core_client.py',
    symbol: 'AsyncMPClient._call_utility_async',
    fields: {
      client_index: 'Which API server the answer goes to: place in the addresses of INIT.',
      call_id: 'Number of the call, which its answer carries; 64 bits.',
      method: 'Method of the engine core that is called.',
      args: 'Its arguments, in order.',
    },
  },
  StartDPWave: {
    file: 'vllm/v1/engine/coordinator.py',
    symbol: 'DPCoordinatorProc._send_start_wave',
    fields: {
      wave: 'The wave that begins.',
      exclude_engine_index:
        'The engine that has begun already, because it got the first request; its identity until 0.32.0.',
    },
  },
  FirstRequest: {
    file: 'vllm/v1/engine/core_client.py',
    symbol: 'DPAsyncMPClient',
    fields: {
      engine_to_exclude: 'Identity of the engine that gets the request: its index as two bytes.',
      wave: 'The wave that the frontend knows of.',
    },
  },
  ScaleElasticEP: {
    file: 'vllm/v1/engine/core_client.py',
    symbol: 'DPLBAsyncMPClient',
    fields: {
      message: 'Always SCALE_ELASTIC_EP.',
      new_engine_count: 'Engines there will be.',
    },
  },
};
