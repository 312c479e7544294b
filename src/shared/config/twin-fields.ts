import { SPOKEN_VERSIONS, VLLM_VERSION } from '../version.ts';
import { field } from './field.ts';

const ours = { isOurs: true } as const;

/** What vLLM has no flag for: the simulated GPU, its tokens and its time, and the waits of a start-up. */
export const TWIN_FIELDS = {
  vllmVersion: field.choice(
    SPOKEN_VERSIONS,
    VLLM_VERSION,
    `vLLM release whose wire, metrics and /version it has; it schedules as ${VLLM_VERSION} whichever that is.`,
    ours,
  ),
  gpu: field.stringOr(
    'H100',
    'Simulated GPU: H100, A100-40GB, L4, … (see docs/reference/gpus.md).',
    ours,
  ),
  gpuMemory: field.size("Memory of the GPU instead of the catalogue's.", { ...ours, min: 1 }),
  kvCacheSpecs: field.string(
    'File with explicit layers, instead of a model, as explain --case takes it.',
    ours,
  ),
  weightsBytes: field.size('Memory of the weights per GPU instead of the counted one.', {
    ...ours,
    min: 0,
  }),
  peakActivationBytes: field.size('Peak activation memory per GPU.', { ...ours, min: 0 }),
  nonTorchBytes: field.size('Memory outside the allocator per GPU.', { ...ours, min: 0 }),
  cudaGraphBytes: field.size('Memory of CUDA graphs per GPU.', { ...ours, min: 0 }),
  engineOverrides: field.json(
    'Flags of single ranks: {"1": {"gpu": "A100-40GB", "num_gpu_blocks_override": 2049}}.',
    ours,
  ),
  dpMetrics: field.choice(
    ['per-engine', 'vllm'],
    'per-engine',
    "Capacity in vllm:cache_config_info: each engine's own, or as vLLM the first one's for all.",
    ours,
  ),
  enableOpenmetrics: field.bool(
    false,
    'Answer OpenMetrics on /metrics to who accepts it; vLLM always answers the text format.',
    ours,
  ),
  tokenSource: field.choice(
    ['corpus', 'rule', 'echo', 'random'],
    'corpus',
    'What the model says: readable text, the golden rule, the prompt again, random tokens.',
    ours,
  ),
  specAcceptance: field.string(
    'How often drafts are right: a probability (0.7, the default) or falling rates by position (0.8,0.6,0.4); ngram looks up for real without it.',
    ours,
  ),
  toolCallRate: field.float(
    0,
    'How often the model calls a tool that it may call and is not told to; a request that names one always does.',
    { ...ours, min: 0, max: 1, unit: 'as a fraction, 0 to 1' },
  ),
  enableFaults: field.bool(
    false,
    'Let requests carry simulated failures and scripted outputs: vllm_xargs, x-vllm-twin-fault.',
    ours,
  ),
  faults: field.choice(
    ['all', 'none'],
    'all',
    'Faults that can be injected below /twin/api and by scenarios; none removes them, and those that requests carry.',
    ours,
  ),
  scenario: field.string(
    'File of faults, load and expectations at their times, played on the server; its flags come before these.',
    ours,
  ),
  enableTwinApi: field.bool(
    false,
    'Let changes below /twin/api through also where others reach the server: not only on the loopback.',
    ours,
  ),
  stepTime: field.choiceOrMs(
    ['zero', 'roofline'],
    'roofline',
    'Time of a step: none, from the GPU and the batch, or constant milliseconds (5).',
    ours,
  ),
  stepTimeJitter: field.float(0, 'Largest relative deviation of a roofline step, seeded.', {
    ...ours,
    min: 0,
    max: 1,
    unit: 'as a fraction, 0 to 1',
  }),
  handshakeStep: field.bool(
    false,
    'Hold every frame of the start-up until Enter, Next on the page, or POST /twin/api/handshake/next.',
    ours,
  ),
  handshakeTimeout: field.int(300, 'How long an engine waits for the frontend at start-up.', {
    ...ours,
    min: 1,
    unit: 'seconds',
  }),
  coordinatorReadyTimeout: field.int(
    300,
    'How long an engine waits for the coordinator, which waits for all engines.',
    { ...ours, min: 1, unit: 'seconds' },
  ),
  engineReadyTimeout: field.int(600, 'How long the frontend waits for all engines at start-up.', {
    ...ours,
    min: 1,
    unit: 'seconds',
    env: 'VLLM_ENGINE_READY_TIMEOUT_S',
  }),
  allowLongMaxModelLen: field.bool(false, "Allow a longer --max-model-len than the model's own.", {
    ...ours,
    env: 'VLLM_ALLOW_LONG_MAX_MODEL_LEN',
  }),
  memoryProfilerEstimateCudagraphs: field.bool(
    true,
    'Take the estimated memory of CUDA graphs from the KV cache, as vLLM since 0.21.0.',
    { ...ours, env: 'VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS' },
  ),
  kvCacheLayout: field.string('Physical layout of the KV cache.', {
    ...ours,
    env: 'VLLM_KV_CACHE_LAYOUT',
  }),
  nixlSideChannelHost: field.stringOr(
    'localhost',
    'Address at which other engines ask this one for its KV caches (NixlConnector).',
    { ...ours, env: 'VLLM_NIXL_SIDE_CHANNEL_HOST' },
  ),
  nixlSideChannelPort: field.int(5600, 'Port of it; data-parallel ranks take the next ones.', {
    ...ours,
    env: 'VLLM_NIXL_SIDE_CHANNEL_PORT',
    min: 1,
    max: 65_535,
  }),
  kvTransferBandwidth: field.float(
    25,
    'How fast KV caches travel between engines, or between GPU and CPU memory.',
    { ...ours, min: 0.001, unit: 'GB/s' },
  ),
  kvTransferLatencyMs: field.float(1, 'What each such transfer takes besides.', {
    ...ours,
    min: 0,
    unit: 'ms',
  }),
  exitWithStdin: field.bool(
    false,
    'End once standard input is closed, as it is when the process that holds its other end dies: for tests and scripts.',
    ours,
  ),
  record: field.string(
    'Folder to write all frames of all processes to, as vllm-twin.frames/1; made where there is none.',
    ours,
  ),
  tap: field.int(
    0,
    'Frames that each process keeps to be looked at, the latest; 0 keeps the first 256 and what comes while a page looks.',
    { ...ours, min: 0, max: 1_000_000, unit: 'frames' },
  ),
  logFormat: field.choice(
    ['auto', 'json', 'pretty'],
    'auto',
    'Form of the log: pretty on a terminal, else JSON lines.',
    ours,
  ),
  logLevel: field.choice(
    ['debug', 'info', 'warn', 'error', 'silent'],
    'info',
    'Level of the log.',
    {
      ...ours,
      env: 'VLLM_LOGGING_LEVEL',
      // vLLM's levels.
      synonyms: { critical: 'error', warning: 'warn', notset: 'debug' },
    },
  ),
} as const;
