/**
 * What vLLM refuses once every part of the configuration is there, in its order.
 * Source: vllm/config/vllm.py VllmConfig.__post_init__ and its validators, vllm/model_executor/models/config.py
 * MambaModelConfig (0.33.0). Leaves out: what only flags decide that change nothing here (HiSparse, connectors, ReplaySSM,
 * microbatches).
 */
import { type EngineConfig, needsOneGroup, type Speculation, usesEagle } from '../engine-config.ts';
import type { ModelOptions } from '../model-options.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import { checkParallelWithModel } from './parallel-config.ts';
import { refused } from './refused.ts';

const STATE_ARCHITECTURES = ['MambaForCausalLM', 'Mamba2ForCausalLM', 'FalconMambaForCausalLM'];

/** `cacheDtype` is what the model class made of --kv-cache-dtype. Throws E_BAD_FLAG with vLLM's words. */
export function checkVllmConfig(
  model: ResolvedModel,
  engine: EngineConfig,
  options: ModelOptions,
  cacheDtype: string,
): void {
  const { enablePrefixCaching, enableChunkedPrefill } = engine.planner;
  const hasStates = model.isHybrid || STATE_ARCHITECTURES.includes(model.architecture);
  if (hasStates && enablePrefixCaching && !enableChunkedPrefill) {
    throw refused('Chunked prefill is required for Mamba prefix caching.');
  }
  checkFloatCache(model.dtype, cacheDtype);
  checkParallelWithModel(model, options);
  checkSlots(engine, options);
  checkHybridManager(model, engine, options);
  if (model.useMla && cacheDtype.startsWith('nvfp4') && !cacheDtype.endsWith('_ds_mla')) {
    throw refused(
      'nvfp4 KV cache is not supported with MLA (Multi-head Latent Attention) backends. Please use a different ' +
        "--kv-cache-dtype (e.g., 'fp8', 'auto', or 'nvfp4_ds_mla' with a sparse MLA backend) for MLA models such as DeepSeek.",
    );
  }
  const { mambaBlockSize } = options;
  const isOwnSize = mambaBlockSize !== undefined && mambaBlockSize !== model.maxModelLen;
  if (isOwnSize && !enablePrefixCaching) {
    throw refused('--mamba-block-size can only be set with --enable-prefix-caching');
  }
}

/** Source: VllmConfig._reject_mismatched_float_kv_cache. */
function checkFloatCache(dtype: string, cacheDtype: string): void {
  const isFloat = (name: string): boolean => name === 'float16' || name === 'bfloat16';
  if (!isFloat(cacheDtype) || cacheDtype === dtype) return;
  const allowed = isFloat(dtype) ? `\`auto\` or \`${dtype}\`` : '`auto`';
  throw refused(
    `kv_cache_dtype="${cacheDtype}" is incompatible with dtype="${dtype}". Please set \`--kv-cache-dtype\` to ${allowed}.`,
  );
}

/** Drafts need room beside the tokens of a step. Source: VllmConfig._set_max_num_scheduled_tokens. */
function checkSlots({ planner, speculation }: EngineConfig, options: ModelOptions): void {
  if (speculation === null) return;
  const budget = planner.maxNumBatchedTokens;
  if (options.enableLora === true) {
    const wanted = planner.maxNumSeqs * (speculation.numSpeculativeTokens + 1);
    if (budget < wanted) {
      throw refused(
        'Consider increasing max_num_batched_tokens or decreasing num_speculative_tokens',
      );
    }
  }
  const lookahead = lookaheadTokens(speculation);
  if (budget <= lookahead) {
    throw refused(
      'VllmConfig does not have enough slots to schedule a token and support the speculative decoding settings. Got ' +
        `max_num_batched_tokens=${budget} and num_lookahead_tokens=${lookahead}.`,
    );
  }
}

/** Positions that the draft writes past the target's. Source: VllmConfig.num_lookahead_tokens. */
function lookaheadTokens({ method, numSpeculativeTokens }: Speculation): number {
  if (method === 'dflash') return numSpeculativeTokens + 1;
  return usesEagle(method) || method === 'draft_model' ? numSpeculativeTokens : 0;
}

/** Source: the rules of the hybrid KV cache manager in VllmConfig.__post_init__. */
function checkHybridManager(
  model: ResolvedModel,
  { speculation }: EngineConfig,
  options: ModelOptions,
): void {
  const isForced = options.disableHybridKvCacheManager === false;
  if (!isForced || !needsOneGroup(model, speculation)) return;
  throw refused(
    'Hybrid KV cache manager was explicitly enabled but is not supported in this configuration. Consider omitting the ' +
      '--enable-hybrid-kv-cache-manager flag to let vLLM decide automatically.',
  );
}
