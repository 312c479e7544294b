/**
 * DeepSeek V4: hyper-connections around layers that compress their history. Source: vllm/models/deepseek_v4 (0.33.0, NVIDIA).
 * Leaves out: the vision variant, V4.1.
 */
import { ConfigError } from '../../../shared/errors.ts';
import { HfConfig } from '../hf-config.ts';
import type { ModelFamily, MtpDraft } from '../model-family.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings, refuse } from './common.ts';
import { buildHyperConnection, buildV4Layer } from './deepseek-v4-layer.ts';

/** What transformers calls a layer by its compression, and the rates it assumes. */
const LAYER_TYPES: Readonly<Record<number, string>> = {
  0: 'sliding_attention',
  4: 'compressed_sparse_attention',
  128: 'heavily_compressed_attention',
};
const DEFAULT_RATES = { compressed_sparse_attention: 4, heavily_compressed_attention: 128 };

/** FlashMLA's packed rows, whatever fp8 was asked for. Source: attention.py _resolve_dsv4_kv_cache_dtype. */
function checkRun(stage: StageBuilder, text: HfConfig): void {
  const { capability, cacheDtype } = stage.run;
  if (![9, 10, 12].includes(capability.major)) {
    refuse(text, 'this architecture is known on compute capability 9.x, 10.x and 12.x only');
  }
  if (cacheDtype !== 'auto' && !cacheDtype.startsWith('fp8')) {
    throw new ConfigError(
      'E_BAD_FLAG',
      `DeepseekV4 fp8_ds_mla layout only supports fp8 kv-cache, got ${cacheDtype}. Please set \`--kv-cache-dtype fp8\` or ` +
        'select a backend that supports bfloat16 KV cache.',
    );
  }
  stage.setCacheDtype('fp8_ds_mla');
}

function build(stage: StageBuilder, { text }: ResolvedModel): void {
  checkRun(stage, text);
  const copies = text.num('hc_mult');
  embeddings(stage, text, {
    tied: false,
    sharesWithDraft: true,
    quantizedHead: false,
  });
  for (const layer of stage.layerRange(text.num('num_hidden_layers'))) {
    buildV4Layer(stage, text, layer);
  }
  buildHyperConnection(stage, text, 'model.hc_head', { rows: copies, scales: 1 });
  if (stage.isLast) stage.norm('model.norm', text.num('hidden_size'));
}

/** Layer types, which old files say by their ratios. Source: transformers' DeepseekV4Config. */
function layerTypes(text: HfConfig): readonly string[] {
  if (text.has('layer_types')) return text.strings('layer_types');
  const layers = text.num('num_hidden_layers');
  if (text.has('compress_ratios')) {
    return text.numbers('compress_ratios').map((ratio) => {
      const type = LAYER_TYPES[ratio];
      return type ?? text.fail('compress_ratios', 'a list of 0, 4 and 128');
    });
  }
  return Array.from({ length: layers }, (_, layer) =>
    layer >= 2 && layer % 2 === 1 ? 'compressed_sparse_attention' : 'heavily_compressed_attention',
  );
}

/** `compress_ratios` of the target's layers and `num_hash_layers`, whichever way the file has them. */
function normalize(text: HfConfig): HfConfig {
  const named = text.has('compress_rates') ? text.sub('compress_rates') : null;
  const rates = new HfConfig(DEFAULT_RATES, `${text.label} compress_rates`);
  const layers = text.num('num_hidden_layers');
  const types = layerTypes(text).slice(0, layers);
  const compress_ratios = types.map((type) => (named ?? rates).numOr(type, 0));
  const hashed = text.has('mlp_layer_types')
    ? text.strings('mlp_layer_types').filter((type) => type === 'hash_moe').length
    : text.numOr('num_hash_layers', 3);
  return text.with({ compress_ratios, num_hash_layers: Math.min(hashed, layers) });
}

/** Source: vllm/models/deepseek_v4/nvidia/mtp.py. */
const MTP: MtpDraft = {
  layers: (text) => text.numOr('num_nextn_predict_layers', 0),
  build: (stage, { text }) => {
    const hiddenSize = text.num('hidden_size');
    const first = text.num('num_hidden_layers');
    for (let offset = 0; offset < text.num('num_nextn_predict_layers'); offset++) {
      const prefix = `model.layers.${first + offset}`;
      stage.norm(`${prefix}.enorm`, hiddenSize);
      stage.norm(`${prefix}.hnorm`, hiddenSize);
      stage.replicated(`${prefix}.e_proj`, hiddenSize, hiddenSize);
      stage.replicated(`${prefix}.h_proj`, hiddenSize, hiddenSize);
      const head = { rows: text.num('hc_mult'), scales: 1 };
      buildHyperConnection(stage, text, `${prefix}.hc_head`, head);
      stage.norm(`${prefix}.shared_head.norm`, hiddenSize);
      stage.lmHead(`${prefix}.shared_head.head`, text.num('vocab_size'), hiddenSize);
      buildV4Layer(stage, text, first + offset);
    }
    const options = { quantized: false };
    stage.embedding('model.embed_tokens', text.num('vocab_size'), hiddenSize, options);
  },
};

export const DEEPSEEK_V4: ModelFamily = {
  name: 'deepseek-v4',
  architectures: ['DeepseekV4ForCausalLM'],
  kind: 'decoder',
  defaults: { deepseek_v4: { tie_word_embeddings: false, head_dim: 512 } },
  normalize,
  usesMla: () => true,
  headSize: (text) => text.num('head_dim'),
  packedModules: {
    gate_up_proj: ['w1', 'w3'],
    fused_wqa_wkv: ['wq_a', 'wkv'],
    fused_wkv_wgate: ['wkv', 'wgate'],
  },
  build,
  mtp: MTP,
};
