/** What vLLM's environment variables do here. Those in neither table are about kernels, builds, downloads and devices. */
import { ENVIRONMENT_NAMES } from './environment-names.ts';
import { ENV_PREFIX } from './field.ts';
import { FIELDS, type FieldKey, fieldOf } from './registry.ts';

/** Honoured as in vLLM, besides those that stand for a setting of the registry. */
export const HONOURED_ENVIRONMENT: Readonly<Record<string, string>> = {
  VLLM_ALLOW_RUNTIME_LORA_UPDATING:
    'POST /v1/load_lora_adapter and /v1/unload_lora_adapter are served',
  VLLM_API_KEY: 'the key that requests under /v1 must bring, where --api-key is not given',
  VLLM_CHAT_TEMPLATE_RENDER_TIMEOUT:
    'seconds in which a chat template must have rendered; no limit where it is not above 0',
  VLLM_ENABLE_RESPONSES_API_STORE:
    'responses are stored: retrieved, cancelled, made in the background, gone on from',
  VLLM_HTTP_TIMEOUT_KEEP_ALIVE: 'seconds that an idle connection stays open',
  VLLM_KEEP_ALIVE_ON_ENGINE_DEATH: 'the server stays when an engine died',
  VLLM_LOG_STATS_INTERVAL:
    'seconds between two log lines of statistics; 10 where it is not above 0',
  VLLM_MAX_COMPLETION_PROMPTS: 'prompts of one request to /v1/completions',
  VLLM_MAX_N_SEQUENCES: 'the largest n of a request',
  VLLM_MAX_STOP_STRINGS: 'stop strings of a request',
  VLLM_SERVER_DEV_MODE: 'endpoints for development are served: /sleep, /pause, /server_info, …',
  VLLM_SKIP_MODEL_NAME_VALIDATION: 'requests may name any model',
};

const LOGGING = 'log set-up: see --log-format and --log-level; the log goes to stderr';
const MULTI_MODAL = 'prompts with images, audio and video are not simulated';
const RANK = 'ranks come from the --data-parallel-* flags alone';
const TOOLS = 'tool calls are read and held to their format as without it';
const TRANSFER = 'KV caches are not shared with other engines';

/** vLLM would do something else with them, and what that is. */
export const UNSIMULATED_ENVIRONMENT: Readonly<Record<string, string>> = {
  VLLM_ALLOW_INSECURE_SERIALIZATION:
    'arguments of /collective_rpc that are no plain data are refused',
  VLLM_BEAM_ALWAYS_CONSTRAIN_OUTPUT: 'answers are not held to a grammar',
  VLLM_CHAT_TEMPLATE_FUEL: 'chat templates are limited in time, memory and ranges, not in fuel',
  VLLM_COMPUTE_NANS_IN_LOGITS: 'vllm:corrupted_requests is not counted',
  VLLM_CONFIGURE_LOGGING: LOGGING,
  VLLM_DEBUG_LOG_API_SERVER_RESPONSE: 'bodies of answers are not logged (see --enable-log-outputs)',
  VLLM_DISABLE_REQUEST_ID_RANDOMIZATION: 'ids of requests always have eight random characters more',
  VLLM_DP_MASTER_IP: RANK,
  VLLM_DP_MASTER_PORT: RANK,
  VLLM_DP_RANK: RANK,
  VLLM_DP_RANK_LOCAL: RANK,
  VLLM_DP_SIZE: RANK,
  VLLM_ELASTIC_EP_DRAIN_REQUESTS: 'the number of ranks stays what it was at the start',
  VLLM_ELASTIC_EP_SCALE_UP_LAUNCH: 'the number of ranks stays what it was at the start',
  VLLM_ENABLE_COHERE_API: 'endpoints of the Cohere API are not served',
  VLLM_ENABLE_V1_MULTIPROCESSING: 'engine cores always are processes of their own',
  VLLM_ENFORCE_STRICT_TOOL_CALLING: TOOLS,
  VLLM_HOST_IP: 'addresses come from --host and --data-parallel-address',
  VLLM_KV_EVENTS_USE_INT_BLOCK_HASHES: 'hashes in KV events always are integers',
  VLLM_LOGGING_COLOR: LOGGING,
  VLLM_LOGGING_CONFIG_PATH: LOGGING,
  VLLM_LOGGING_PREFIX: LOGGING,
  VLLM_LOGGING_STREAM: LOGGING,
  VLLM_LOG_BATCHSIZE_INTERVAL: 'log lines of batch sizes are not written',
  VLLM_LOOPBACK_IP: 'addresses come from --host and --data-parallel-address',
  VLLM_LORA_RESOLVER_CACHE_DIR: 'adapters are not looked for where nobody loaded them',
  VLLM_LORA_RESOLVER_HF_REPO_LIST: 'adapters are not looked for where nobody loaded them',
  VLLM_MAX_AUDIO_CLIP_FILESIZE_MB: MULTI_MODAL,
  VLLM_MAX_NUM_BAD_WORDS: 'bad words of a request are held to 128',
  VLLM_MEDIA_URL_ALLOW_REDIRECTS: MULTI_MODAL,
  VLLM_MODEL_REDIRECT_PATH: "the model's name is looked up as it is",
  VLLM_PLUGINS: "code in Python of the user's own is not loaded",
  VLLM_PORT: 'ports between the processes are any free ones',
  VLLM_PP_LAYER_PARTITION: 'layers are spread evenly over pipeline stages',
  VLLM_PROCESS_NAME_PREFIX: 'processes are called as they were started',
  VLLM_REQUEST_BODY_LOG_LEVEL: 'bodies of requests are not logged',
  VLLM_RPC_BASE_PATH: 'sockets stand in a folder of their own under TMPDIR',
  VLLM_TOOL_JSON_ERROR_AUTOMATIC_RETRY: TOOLS,
  VLLM_TOOL_PARSE_REGEX_TIMEOUT_SECONDS: TOOLS,
  VLLM_USE_MODELSCOPE: "the model's config is the catalogue's or the folder's",
  VLLM_USE_RUST_FRONTEND: 'the frontend is this one',
  VLLM_USE_SIMPLE_KV_OFFLOAD: TRANSFER,
  VLLM_USE_V2_MODEL_RUNNER: 'the model runner is always the second one',
  VLLM_V1_OUTPUT_PROC_CHUNK_SIZE: 'outputs of a message are taken in one turn',
};

/** vLLM's variables that stand for a setting: name, and the flag's key. */
export function settingsOfEnvironment(): ReadonlyMap<string, FieldKey> {
  const keys = Object.keys(FIELDS) as FieldKey[];
  return new Map(
    keys.flatMap((key) => {
      const { env } = fieldOf(key);
      return env === undefined ? [] : [[env, key] as const];
    }),
  );
}

export interface EnvironmentFindings {
  /** Called as if they were vLLM's, and known to nobody. */
  readonly unknown: readonly string[];
  /** `NAME (what is not simulated)`. */
  readonly unsimulated: readonly string[];
}

export function inspectEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): EnvironmentFindings {
  const names = Object.keys(env).filter((name) => env[name] !== undefined);
  return {
    unknown: names.filter(
      (name) =>
        name.startsWith('VLLM_') &&
        !name.startsWith(ENV_PREFIX) &&
        !ENVIRONMENT_NAMES.includes(name),
    ),
    unsimulated: names.flatMap((name) => {
      const changes = UNSIMULATED_ENVIRONMENT[name];
      return changes === undefined ? [] : [`${name} (${changes})`];
    }),
  };
}
