/** The start-up messages. Source: the files that are named (0.33.0). */
import type { StructDocs } from './struct-doc.ts';

export const STARTUP_DOCS: StructDocs = {
  HandshakeMessage: {
    file: 'vllm/v1/engine/core.py',
    symbol: 'EngineCoreProc._perform_handshake',
    fields: {
      status: 'HELLO when the engine process is up, READY when its model and KV cache are.',
      local:
        'Whether the engine was started by the frontend that it greets; the frontend refuses one that says otherwise.',
      headless:
        'Whether the engine runs on a node without an API server; remote engines must, unless a hybrid or external load balancer is used.',
      parallel_config_hash:
        'Hash of the parallel settings, with READY and data_parallel_size > 1; coordinated ranks (mixture of experts) must all have the same one.',
      coord_store_port:
        'TCP port of the store by which elastic ranks find each other, with READY of such ranks alone.',
      elastic_ep_max_dp_size: 'Ranks that there may ever be, with READY of elastic ranks alone.',
      num_redundant_experts:
        'Experts that are there more than once, with READY of elastic ranks alone.',
    },
  },
  EngineHandshakeMetadata: {
    file: 'vllm/v1/engine/utils.py',
    fields: {
      addresses: 'The sockets that the engine is to connect to.',
      parallel_config:
        'Settings that the engine takes over: address and ports of the data-parallel master and data_parallel_size; empty unless ranks are coordinated.',
    },
  },
  EngineZmqAddresses: {
    file: 'vllm/v1/engine/utils.py',
    fields: {
      inputs: 'Where requests come from, one address for each API server.',
      outputs: 'Where outputs go to, one address for each API server, in the same order.',
      coordinator_input:
        'Where the coordinator publishes to engines; null without a data-parallel coordinator.',
      coordinator_output:
        'Where engines send counts and wave notices for the coordinator; null without one.',
      frontend_stats_publish_address:
        "Where the coordinator publishes to frontends; the engine only hands it on, as dp_stats_address. Null unless an external load balancer's frontends need it.",
    },
  },
  EngineCoreReadyResponse: {
    file: 'vllm/v1/engine/__init__.py',
    fields: {
      max_model_len:
        'Longest sequence in tokens, prompt and output; less than asked for where it was fitted to the KV cache.',
      num_gpu_blocks: 'Blocks of the KV cache of this engine, the null block included.',
      block_size:
        'Tokens a block of the KV cache holds, as the cache configuration has it in the end.',
      dp_stats_address:
        'Where the coordinator publishes counts for frontends; null unless INIT gave the engine such an address.',
      dtype: "The model's data type, such as bfloat16.",
      vllm_version: 'Version of vLLM that the engine runs.',
      world_size: 'Workers of this engine: tensor × pipeline parallel size.',
      data_parallel_size: 'Engines that serve this model.',
      tensor_parallel_size: 'GPUs that share each layer.',
      pipeline_parallel_size: 'Stages that the layers are split into.',
      decode_context_parallel_size:
        'GPUs of the tensor parallel group that share the KV cache of a sequence along its tokens.',
      data_parallel_rank: 'Which of the engines this is, from 0.',
      max_num_seqs: 'Requests that one step may hold.',
      max_num_batched_tokens: 'Tokens that one step may compute.',
      instance_id: 'A short id of this vLLM instance.',
      supports_lora: 'Whether LoRA adapters can be used.',
      max_loras: 'LoRA adapters that one batch may use; 0 without LoRA.',
      mamba_block_size:
        'Tokens a block of mamba states stands for; null without mamba layers or where it is not set.',
      kv_cache_size_tokens:
        'Tokens that fit into the KV cache of this engine, all layer groups taken into account; null for models without a KV cache.',
      kv_cache_max_concurrency:
        'How many sequences of max_model_len tokens fit into the KV cache at the same time; null for models without one.',
      kv_events_config:
        'How the engine publishes KV cache events; null where that was not configured.',
      weight_transfer_backend:
        'How new weights reach the engine during training; null where they do not.',
      enable_sleep_mode: 'Whether the engine can be put to sleep to free GPU memory.',
      supports_draft_weight_updates:
        "Whether the weights of a draft model can be replaced as well as the model's.",
      effective_attention_block_size:
        'Tokens a block of full attention holds after start-up; null where there is none or it is not known.',
      coord_store_port: 'TCP port of the store by which elastic ranks find each other; 0 for none.',
      coordinator_input_address:
        'Where the coordinator publishes to engines, as INIT said; null without a coordinator.',
      coordinator_output_address:
        'Where engines send to the coordinator, as INIT said; null without a coordinator.',
    },
  },
  KVEventsConfig: {
    file: 'vllm/config/kv_events.py',
    fields: {
      enable_kv_cache_events: 'Whether blocks stored and removed are told to subscribers.',
      publisher: 'How they are told: zmq, or null for not at all.',
      endpoint: 'ZeroMQ address of the publisher; each rank adds its own number to the port.',
      replay_endpoint: 'ZeroMQ address where missed batches can be asked for; null for none.',
      buffer_steps: 'Batches that are kept for being asked for again.',
      hwm: 'Messages that wait for a slow subscriber before new ones are dropped.',
      max_queue_size: 'Batches that wait inside the engine for being published.',
      topic: 'Text that each message begins with, for subscribers to choose by.',
    },
  },
};
