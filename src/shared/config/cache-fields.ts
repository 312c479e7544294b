import { field } from './field.ts';

/** Source: vllm/config/cache.py, vllm/config/kv_events.py (0.33.0). */
export const CACHE_FIELDS = {
  blockSize: field.optionalInt("Tokens per block; the attention backend's if absent.", {
    min: 1,
    unit: 'tokens',
  }),
  gpuMemoryUtilization: field.float(0.92, 'Share of the GPU memory for the engine.', {
    min: Number.MIN_VALUE,
    max: 1,
    alias: 'device-memory-utilization',
    unit: 'as a fraction, 0 to 1',
  }),
  kvCacheMemoryBytes: field.size('Memory of the KV cache per GPU; nothing is profiled then.', {
    min: 1,
  }),
  kvCacheDtype: field.stringOr('auto', 'Type of the KV cache: auto, bfloat16, fp8, fp8_e5m2, …'),
  kvCacheDtypeSkipLayers: field.strings(
    'Layers that keep the model type: indices or sliding_window.',
  ),
  numGpuBlocksOverride: field.intOrNone(null, 'Blocks in the pool whatever the memory says.', {
    min: 1,
    unit: 'blocks',
  }),
  enablePrefixCaching: field.optionalBool("Prefix caching; the model's default if absent."),
  prefixCachingHashAlgo: field.choice(
    ['sha256', 'sha256_cbor', 'xxhash', 'xxhash_cbor'],
    'sha256',
    'How blocks are hashed.',
  ),
  prefixCacheRetentionInterval: field.intOrNone(
    0,
    'Every how many tokens sliding and state groups keep a cached tail; 0 keeps only what a replay needs, None all.',
    { min: 0, unit: 'tokens' },
  ),
  prefixMatchUnit: field.intOrNone(null, 'Tokens per hash of several groups.', {
    min: 1,
    unit: 'tokens',
  }),
  mambaCacheDtype: field.choice(
    ['auto', 'bfloat16', 'float16', 'float32'],
    'auto',
    'Type of conv states.',
  ),
  mambaSsmCacheDtype: field.choice(
    ['auto', 'bfloat16', 'float16', 'float32'],
    'auto',
    'Type of SSM states.',
  ),
  mambaBlockSize: field.intOrNone(null, 'Tokens per state block.', { min: 1, unit: 'tokens' }),
  cpuOffloadGb: field.float(0, 'Weights of each GPU that stand in CPU memory instead.', {
    min: 0,
    unit: 'GiB',
  }),
  offloadBackend: field.choice(
    ['auto', 'prefetch', 'uva'],
    'auto',
    'How weights are offloaded; --cpu-offload-gb counts for auto and uva.',
  ),
  kvOffloadingSize: field.optionalFloat(
    'CPU memory that KV caches are offloaded to, of all ranks of an engine together; none is offloaded where it is not given.',
    { min: 0, unit: 'GiB' },
  ),
  kvOffloadingBackend: field.choice(
    ['lmcache', 'native'],
    'native',
    'What KV caches are offloaded with: native is simulated, lmcache is refused.',
  ),
  kvTransferConfig: field.json(
    'KV connector: {"kv_connector", "kv_role", "kv_connector_extra_config", …}; NixlConnector and OffloadingConnector are simulated.',
  ),
  kvEventsConfig: field.json(
    'KV cache events: {"enable_kv_cache_events", "publisher", "endpoint", …}.',
  ),
} as const;
