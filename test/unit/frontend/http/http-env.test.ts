import { describe, expect, it } from 'vitest';
import { DEFAULT_HTTP_ENV, readHttpEnv } from '../../../../src/frontend/http/http-env.ts';

describe("vLLM's variables of the HTTP side", () => {
  it('are its defaults where none is set', () => {
    expect(readHttpEnv({})).toEqual(DEFAULT_HTTP_ENV);
  });

  it.each([
    ['VLLM_API_KEY', 'key', { apiKey: 'key' }],
    ['VLLM_SERVER_DEV_MODE', '1', { serverDevMode: true }],
    ['VLLM_KEEP_ALIVE_ON_ENGINE_DEATH', '1', { keepAliveOnEngineDeath: true }],
    ['VLLM_ALLOW_RUNTIME_LORA_UPDATING', 'True', { allowRuntimeLoraUpdating: true }],
    ['VLLM_SKIP_MODEL_NAME_VALIDATION', '1', { skipModelNameValidation: true }],
    ['VLLM_HTTP_TIMEOUT_KEEP_ALIVE', '7', { httpTimeoutKeepAlive: 7 }],
    ['VLLM_LOG_STATS_INTERVAL', '0.5', { logStatsInterval: 0.5 }],
    ['VLLM_LOG_STATS_INTERVAL', '0', { logStatsInterval: 10 }],
    ['VLLM_LOG_STATS_INTERVAL', '-1', { logStatsInterval: 10 }],
    ['VLLM_MAX_N_SEQUENCES', '3', { maxNSequences: 3 }],
    ['VLLM_MAX_COMPLETION_PROMPTS', '3', { maxCompletionPrompts: 3 }],
    ['VLLM_MAX_STOP_STRINGS', '3', { maxStopStrings: 3 }],
  ])('are read: %s=%s', (name, value, expected) => {
    expect(readHttpEnv({ [name]: value })).toEqual({ ...DEFAULT_HTTP_ENV, ...expected });
  });
});
