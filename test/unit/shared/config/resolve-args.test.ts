import { describe, expect, it } from 'vitest';
import { modelOptionsOf } from '../../../../src/capacity/models/options-of-args.ts';
import { defaultEngineArgs } from '../../../../src/shared/config/registry.ts';
import {
  resolveArgs,
  settingsFromEnv,
  settingsFromRecord,
  unknownEnvNames,
} from '../../../../src/shared/config/resolve-args.ts';

const fromRecord = (record: Readonly<Record<string, unknown>>) =>
  resolveArgs([settingsFromRecord(record, 'twin.yaml').settings]);

describe('resolved arguments', () => {
  it('are the defaults where nobody says anything, and cannot be changed', () => {
    const args = resolveArgs([]);
    expect(args).toEqual(defaultEngineArgs());
    expect(args).toMatchObject({
      model: 'Qwen/Qwen3-0.6B',
      gpuMemoryUtilization: 0.92,
      maxModelLen: null,
      enablePrefixCaching: null,
      prefixCacheRetentionInterval: 0,
      dataParallelSize: 1,
      port: 8000,
      stepTime: 'roofline',
      tokenSource: 'corpus',
      handshakeTimeout: 300,
    });
    expect(Object.isFrozen(args)).toBe(true);
  });

  it('take the later of two sources', () => {
    const config = settingsFromRecord({ port: 1, seed: 1 }, 'twin.yaml').settings;
    const env = settingsFromEnv({ VLLM_TWIN_PORT: '2', VLLM_TWIN_GPU: 'L4' });
    const flags = new Map([['gpu' as const, { words: ['A100-40GB'], origin: '--gpu' }]]);
    expect(resolveArgs([config, env, flags])).toMatchObject({
      seed: 1,
      port: 2,
      gpu: 'A100-40GB',
    });
  });
});

describe('the environment', () => {
  it('sets every kind of setting by its name', () => {
    const env = {
      VLLM_TWIN_MAX_MODEL_LEN: '8k',
      VLLM_TWIN_ENABLE_PREFIX_CACHING: 'false',
      VLLM_TWIN_SERVED_MODEL_NAME: 'a,b',
      VLLM_TWIN_KV_EVENTS_CONFIG: '{"topic": "t"}',
      VLLM_TWIN_GPU: '',
    };
    expect(resolveArgs([settingsFromEnv(env)])).toMatchObject({
      maxModelLen: 8000,
      enablePrefixCaching: false,
      servedModelName: ['a', 'b'],
      kvEventsConfig: { topic: 't' },
      gpu: 'H100',
    });
  });

  it("has vLLM's own variables too, which ours win over", () => {
    const env = { VLLM_LOGGING_LEVEL: 'DEBUG', VLLM_KV_CACHE_LAYOUT: 'HND', VLLM_API_KEY: 'x,y' };
    expect(resolveArgs([settingsFromEnv(env)])).toMatchObject({
      logLevel: 'debug',
      kvCacheLayout: 'HND',
      apiKey: ['x,y'],
    });
    const both = { ...env, VLLM_TWIN_LOG_LEVEL: 'error' };
    expect(resolveArgs([settingsFromEnv(both)]).logLevel).toBe('error');
  });

  it('is refused by the name of the variable', () => {
    const settings = settingsFromEnv({ VLLM_TWIN_PORT: '8o80' });
    expect(() => resolveArgs([settings])).toThrow("VLLM_TWIN_PORT '8o80': must be a whole number");
  });

  it('shows names that are no settings', () => {
    const env = { VLLM_TWIN_GPUS: 'L4', VLLM_TWIN_GPU: 'L4', VLLM_PORT: '1' };
    expect(unknownEnvNames(env)).toEqual(['VLLM_TWIN_GPUS']);
  });
});

describe('a config file', () => {
  it('takes names in kebab and snake case, and values as YAML has them', () => {
    const record = {
      'max-model-len': 'auto',
      max_num_seqs: 64,
      gpu_memory_utilization: 0.5,
      'served-model-name': ['a', 'b'],
      'allowed-origins': ['https://a.example'],
      'kv-events-config': { topic: 't' },
      'tensor-parallel-size': null,
      'enable-prefix-caching': false,
      'no-async-scheduling': true,
      'disable-chunked-prefill': false,
    };
    expect(fromRecord(record)).toMatchObject({
      maxModelLen: -1,
      maxNumSeqs: 64,
      gpuMemoryUtilization: 0.5,
      servedModelName: ['a', 'b'],
      allowedOrigins: ['https://a.example'],
      kvEventsConfig: { topic: 't' },
      tensorParallelSize: 1,
      enablePrefixCaching: false,
      asyncScheduling: false,
      enableChunkedPrefill: true,
    });
  });

  it("passes over vLLM's flags without meaning here, and names them", () => {
    const record = { numa_bind: true, 'attention-config': { backend: 'x' }, port: 1 };
    const { settings, ignored } = settingsFromRecord(record, 'twin.yaml');
    expect(ignored.map(({ written }) => written)).toEqual(['numa_bind', 'attention-config']);
    expect([...settings.keys()]).toEqual(['port']);
  });

  it.each([
    [
      { 'max-modl-len': 1 },
      'twin.yaml: unknown setting max-modl-len (did you mean --max-model-len?)',
    ],
    [{ port: 'http' }, "twin.yaml: port 'http': must be a whole number"],
    [{ port: [1, 2] }, "twin.yaml: port '[1,2]': must be a whole number"],
    [{ 'kv-events-config': 'topic' }, 'twin.yaml: kv-events-config'],
  ])('is refused where it is wrong: %j', (record, message) => {
    expect(() => fromRecord(record)).toThrow(message);
  });
});

describe('the model options', () => {
  it('leave out what is not set', () => {
    const options = modelOptionsOf(defaultEngineArgs());
    expect(options.maxModelLen).toBeUndefined();
    expect(options.enablePrefixCaching).toBeUndefined();
    expect(options).toMatchObject({ model: 'Qwen/Qwen3-0.6B', gpu: 'H100', tensorParallelSize: 1 });
  });

  it('carry what is', () => {
    const args = fromRecord({
      'max-model-len': 4096,
      'block-size': 32,
      'weights-bytes': '2GB',
      'speculative-config': { method: 'ngram' },
    });
    expect(modelOptionsOf(args)).toMatchObject({
      maxModelLen: 4096,
      blockSize: 32,
      weightsBytes: 2_000_000_000,
      speculativeConfig: { method: 'ngram' },
    });
  });
});

describe('the keys of --speculative-config as flags of their own', () => {
  it('make the object, or complete it', () => {
    const spec = { 'spec-method': 'ngram', 'spec-tokens': 3 };
    expect(fromRecord(spec)).toMatchObject({
      speculativeConfig: { method: 'ngram', num_speculative_tokens: 3 },
      specMethod: null,
      specTokens: null,
    });
    const config = { 'speculative-config': { method: 'eagle3' }, 'spec-model': 'draft' };
    expect(fromRecord(config).speculativeConfig).toEqual({ method: 'eagle3', model: 'draft' });
  });

  it('may be written with dashes', () => {
    const config = { 'speculative-config': { method: 'ngram', 'num-speculative-tokens': 2 } };
    expect(fromRecord(config).speculativeConfig).toEqual({
      method: 'ngram',
      num_speculative_tokens: 2,
    });
  });

  it('are refused beside the same key there', () => {
    const twice = { 'speculative-config': { method: 'mtp' }, 'spec-method': 'ngram' };
    expect(() => fromRecord(twice)).toThrow(
      "--spec-method and --speculative-config['method'] are mutually exclusive",
    );
  });

  it('take only methods that vLLM has', () => {
    expect(() => fromRecord({ 'spec-method': 'guess' })).toThrow(
      /'guess': must be one of .*, ngram, /,
    );
  });
});
