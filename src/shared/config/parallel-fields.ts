import { field } from './field.ts';

/** Source: vllm/config/parallel.py, vllm/entrypoints/cli/serve.py (0.33.0). */
export const PARALLEL_FIELDS = {
  headless: field.bool(false, "Engine cores only: they join somebody else's frontend."),
  apiServerCount: field.humanIntOrAuto(
    'API server processes on one port; 1 if absent, auto is as many as vLLM starts by itself.',
    { unit: 'processes', min: 0, short: 'asc' },
  ),
  tensorParallelSize: field.int(1, 'GPUs that share each layer.', {
    unit: 'GPUs',
    min: 1,
    short: 'tp',
  }),
  pipelineParallelSize: field.int(1, 'GPUs that the layers are spread over.', {
    unit: 'GPUs',
    min: 1,
    short: 'pp',
  }),
  decodeContextParallelSize: field.int(1, 'GPUs that share the KV cache of a layer.', {
    unit: 'GPUs',
    min: 1,
    short: 'dcp',
  }),
  cpKvCacheInterleaveSize: field.intOrNone(null, 'Tokens per turn of context parallelism.', {
    unit: 'tokens',
    min: 1,
    alias: 'dcp-kv-cache-interleave-size',
  }),
  dataParallelSize: field.int(1, 'Engine cores (ranks) behind one frontend.', {
    unit: 'engines',
    min: 1,
    short: 'dp',
  }),
  dataParallelRank: field.optionalInt('Rank of the only engine here (external load balancing).', {
    min: 0,
    short: 'dpn',
  }),
  dataParallelStartRank: field.optionalInt('First rank of the engines here.', {
    min: 0,
    short: 'dpr',
  }),
  dataParallelSizeLocal: field.optionalInt('Engines started here; the others join over tcp.', {
    unit: 'engines',
    min: 0,
    short: 'dpl',
  }),
  dataParallelAddress: field.string('Host of the handshake.', { short: 'dpa' }),
  dataParallelRpcPort: field.optionalInt('Port of the handshake.', {
    min: 0,
    max: 65535,
    short: 'dpp',
    alias: 'handshake-port',
  }),
  dataParallelBackend: field.choice(['mp', 'ray'], 'mp', 'How ranks are started; ray is refused.', {
    short: 'dpb',
  }),
  nnodes: field.int(1, 'Machines that the ranks are spread over.', { min: 1, short: 'n' }),
  nodeRank: field.int(0, 'Which of the machines this is.', { min: 0, short: 'r' }),
  masterAddr: field.stringOr('127.0.0.1', 'Host of the first machine: only logged.'),
  masterPort: field.int(29_501, 'Port of the first machine: only logged.', { min: 1, max: 65535 }),
  dataParallelHybridLb: field.bool(false, 'Balance over the ranks started here only.', {
    short: 'dph',
  }),
  dataParallelExternalLb: field.bool(false, 'Somebody in front balances over the ranks.', {
    short: 'dpe',
  }),
  dataParallelMultiPortExternalLb: field.bool(
    false,
    'A server with a port of its own for every rank started here, from --port upwards, and a supervisor over them.',
    { short: 'dpm' },
  ),
  dataParallelSupervisorPort: field.int(
    9256,
    'Port of the supervisor of --data-parallel-multi-port-external-lb: /health, /readyz.',
    { min: 0, max: 65535 },
  ),
  dpSupervisorProbeIntervalS: field.float(
    5,
    'Time between two looks at the servers of the ranks.',
    {
      min: 0,
      unit: 'seconds',
    },
  ),
  dpSupervisorProbeTimeoutS: field.float(5, 'How long a look at a server may take.', {
    min: 0,
    unit: 'seconds',
  }),
  dpSupervisorProbeFailureThreshold: field.int(
    3,
    'Looks in a row that find no server, after which a rank that was ready counts as dead.',
    { min: 1 },
  ),
  cpuDistributedTimeoutSeconds: field.optionalInt(
    'How long data-parallel ranks of a mixture-of-experts model wait for each other; 1800 if absent.',
    { min: 1, unit: 'seconds' },
  ),
  dpSyncInterval: field.int(
    16,
    'Steps between two agreements of mixture-of-experts ranks on whether to go on.',
    { min: 1, unit: 'steps' },
  ),
  enableExpertParallel: field.bool(false, 'Spread experts over the ranks.', { short: 'ep' }),
} as const;
