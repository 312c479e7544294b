import type { EngineArgs } from '../../shared/config/registry.ts';
import type { ModelOptions } from './model-options.ts';

/** The part of the arguments that bears on the KV cache, as the model room takes it. */
export function modelOptionsOf(args: EngineArgs): ModelOptions {
  return {
    model: args.model,
    kvCacheSpecs: args.kvCacheSpecs ?? undefined,
    runner: args.runner,
    convert: args.convert,
    poolerConfig: args.poolerConfig ?? undefined,
    hfOverrides: args.hfOverrides ?? undefined,
    allowLongMaxModelLen: args.allowLongMaxModelLen,
    maxModelLen: args.maxModelLen ?? undefined,
    dtype: args.dtype,
    kvCacheDtype: args.kvCacheDtype,
    kvCacheDtypeSkipLayers: args.kvCacheDtypeSkipLayers,
    blockSize: args.blockSize ?? undefined,
    maxNumBatchedTokens: args.maxNumBatchedTokens ?? undefined,
    maxNumSeqs: args.maxNumSeqs ?? undefined,
    tensorParallelSize: args.tensorParallelSize,
    pipelineParallelSize: args.pipelineParallelSize,
    decodeContextParallelSize: args.decodeContextParallelSize,
    cpKvCacheInterleaveSize: args.cpKvCacheInterleaveSize ?? undefined,
    enablePrefixCaching: args.enablePrefixCaching ?? undefined,
    enableChunkedPrefill: args.enableChunkedPrefill ?? undefined,
    asyncScheduling: args.asyncScheduling ?? undefined,
    disableHybridKvCacheManager: args.disableHybridKvCacheManager ?? undefined,
    numGpuBlocksOverride: args.numGpuBlocksOverride ?? undefined,
    prefixMatchUnit: args.prefixMatchUnit ?? undefined,
    mambaBlockSize: args.mambaBlockSize ?? undefined,
    mambaCacheDtype: args.mambaCacheDtype,
    mambaSsmCacheDtype: args.mambaSsmCacheDtype,
    attentionBackend: args.attentionBackend ?? undefined,
    speculativeConfig: args.speculativeConfig ?? undefined,
    gpu: args.gpu,
    gpuMemory: args.gpuMemory ?? undefined,
    gpuMemoryUtilization: args.gpuMemoryUtilization,
    kvCacheMemoryBytes: args.kvCacheMemoryBytes ?? undefined,
    cpuOffloadBytes:
      args.offloadBackend === 'prefetch' ? 0 : Math.trunc(args.cpuOffloadGb * 2 ** 30),
    performanceMode: args.performanceMode,
    weightsBytes: args.weightsBytes ?? undefined,
    peakActivationBytes: args.peakActivationBytes ?? undefined,
    nonTorchBytes: args.nonTorchBytes ?? undefined,
    cudaGraphBytes: args.cudaGraphBytes ?? undefined,
    requestedLayout: args.kvCacheLayout,
  };
}
