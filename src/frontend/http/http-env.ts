/** vLLM's environment variables that change how HTTP is served; main reads the environment, nobody else. */
export interface HttpEnv {
  /** VLLM_API_KEY, for when no `--api-key` is given. */
  readonly apiKey: string | null;
  readonly serverDevMode: boolean;
  readonly keepAliveOnEngineDeath: boolean;
  readonly allowRuntimeLoraUpdating: boolean;
  readonly skipModelNameValidation: boolean;
  /** SAGEMAKER_ENABLE_STATEFUL_SESSIONS. */
  readonly enableStatefulSessions: boolean;
  /** SAGEMAKER_SESSIONS_EXPIRATION. */
  readonly sessionsExpirationSeconds: number;
  /** VLLM_ENABLE_RESPONSES_API_STORE. */
  readonly enableResponsesApiStore: boolean;
  /** Seconds that an idle connection stays open. */
  readonly httpTimeoutKeepAlive: number;
  /** Seconds between two log lines of statistics. */
  readonly logStatsInterval: number;
  readonly maxNSequences: number;
  readonly maxCompletionPrompts: number;
  readonly maxStopStrings: number;
  /** Seconds in which a chat template must have rendered; 0 or less: no limit. */
  readonly chatTemplateRenderTimeout: number;
}

/** Source: vllm/envs.py (0.33.0). */
export const DEFAULT_HTTP_ENV: HttpEnv = {
  apiKey: null,
  serverDevMode: false,
  keepAliveOnEngineDeath: false,
  allowRuntimeLoraUpdating: false,
  skipModelNameValidation: false,
  enableStatefulSessions: false,
  sessionsExpirationSeconds: 1200,
  enableResponsesApiStore: false,
  httpTimeoutKeepAlive: 5,
  logStatsInterval: 10,
  maxNSequences: 16384,
  maxCompletionPrompts: 1024,
  maxStopStrings: 4,
  chatTemplateRenderTimeout: 30,
};

/** The same out of an environment; what is no number there keeps its default. */
export function readHttpEnv(env: Readonly<Record<string, string | undefined>>): HttpEnv {
  const flag = (name: string) => ['1', 'true'].includes((env[name] ?? '').toLowerCase());
  const number = (name: string, fallback: number) => {
    const value = Number(env[name]);
    return env[name] === undefined || Number.isNaN(value) ? fallback : value;
  };
  const positive = (value: number, fallback: number) => (value > 0 ? value : fallback);
  return {
    apiKey: env['VLLM_API_KEY'] || null,
    serverDevMode: flag('VLLM_SERVER_DEV_MODE'),
    keepAliveOnEngineDeath: flag('VLLM_KEEP_ALIVE_ON_ENGINE_DEATH'),
    allowRuntimeLoraUpdating: flag('VLLM_ALLOW_RUNTIME_LORA_UPDATING'),
    skipModelNameValidation: flag('VLLM_SKIP_MODEL_NAME_VALIDATION'),
    enableStatefulSessions: flag('SAGEMAKER_ENABLE_STATEFUL_SESSIONS'),
    sessionsExpirationSeconds: positive(number('SAGEMAKER_SESSIONS_EXPIRATION', 1200), 1200),
    enableResponsesApiStore: flag('VLLM_ENABLE_RESPONSES_API_STORE'),
    httpTimeoutKeepAlive: number('VLLM_HTTP_TIMEOUT_KEEP_ALIVE', 5),
    logStatsInterval: positive(number('VLLM_LOG_STATS_INTERVAL', 10), 10),
    maxNSequences: number('VLLM_MAX_N_SEQUENCES', 16384),
    maxCompletionPrompts: number('VLLM_MAX_COMPLETION_PROMPTS', 1024),
    maxStopStrings: number('VLLM_MAX_STOP_STRINGS', 4),
    chatTemplateRenderTimeout: number('VLLM_CHAT_TEMPLATE_RENDER_TIMEOUT', 30),
  };
}
