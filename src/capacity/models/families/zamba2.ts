/** Zamba2: Mamba-2 layers with a few shared transformer blocks woven in. Source: vllm/model_executor/models/zamba2.py. */
import type { HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { StageBuilder } from '../stage-builder.ts';
import { embeddings } from './common.ts';
import { buildMamba2, type Mamba2Sizes, mamba2State } from './mamba-mixers.ts';

function mixerSizes(text: HfConfig): Mamba2Sizes {
  const hiddenSize = text.num('hidden_size');
  return {
    hiddenSize,
    intermediateSize: text.float('mamba_expand') * hiddenSize,
    numGroups: text.num('mamba_ngroups'),
    numHeads: text.num('n_mamba_heads'),
    headSize: text.num('mamba_headdim'),
    stateSize: text.num('mamba_d_state'),
    convKernel: text.num('mamba_d_conv'),
    convBias: text.flag('use_conv_bias'),
    bias: text.flag('add_bias_linear'),
    normWeights: true,
  };
}

/** The layers in front of which a shared block runs. */
function hybridLayers(text: HfConfig): number[] {
  if (!text.has('layers_block_type')) return [...text.numbers('hybrid_layer_ids')];
  return text
    .strings('layers_block_type')
    .flatMap((type, layer) => (type === 'hybrid' ? [layer] : []));
}

/** One of the shared blocks, which keeps a cache of its own for every layer that it serves. */
function buildSharedBlock(
  stage: StageBuilder,
  text: HfConfig,
  about: { readonly block: number; readonly hybrids: number },
): void {
  const hiddenSize = text.num('hidden_size');
  const width = text.num('attention_hidden_size');
  const headSize = text.num('attention_head_dim');
  const numHeads = text.num('num_attention_heads');
  const intermediateSize = text.num('intermediate_size');
  const blocks = text.num('num_mem_blocks');
  const rank = text.num('adapter_rank');
  const bias = text.flag('add_bias_linear');
  const heads = { numHeads, numKvHeads: numHeads, headSize };
  const adapter = (name: string, input: number, output: number | readonly number[]): void => {
    stage.column(`${name}.A`, input, rank);
    stage.column(`${name}.B`, rank, output);
  };
  // Blocks, their attention and their adapters are all known by the model's own prefix.
  stage.qkv('model.qkv_proj', { hiddenSize: width, ...heads });
  stage.row('model.o_proj', width, hiddenSize);
  let index = Math.floor((about.block * (about.hybrids + blocks - 1)) / blocks);
  for (let layer = about.block; layer < about.hybrids; layer += blocks) {
    stage.attention({ name: `model.attn.${index}`, ...heads, quantized: false });
    index += 1;
    if (text.flag('use_shared_attention_adapter')) {
      for (const part of ['q', 'k', 'v']) adapter(`model.linear_${part}_adapter`, width, width);
    }
    const gateAndInput = [intermediateSize, intermediateSize];
    adapter(`model.feed_forward.gate_up_proj_adapter_list.${layer}`, hiddenSize, gateAndInput);
  }
  stage.gatedMlp('model.feed_forward', hiddenSize, intermediateSize, { bias });
  stage.norm(`model.blocks.${about.block}.input_layernorm`, 2 * hiddenSize);
  stage.norm(`model.blocks.${about.block}.pre_ff_layernorm`, hiddenSize);
}

export const ZAMBA2: ModelFamily = {
  name: 'zamba2',
  architectures: ['Zamba2ForCausalLM'],
  kind: 'hybrid',
  packedModules: {},
  defaults: {
    zamba2: {
      mamba_d_state: 64,
      mamba_d_conv: 4,
      mamba_expand: 2,
      mamba_ngroups: 1,
      n_mamba_heads: 8,
      num_mem_blocks: 1,
      adapter_rank: 128,
      use_conv_bias: true,
      max_position_embeddings: 4096,
    },
  },
  normalize: (text) => {
    const hidden = text.num('hidden_size');
    const width = text.numOr('attention_hidden_size', 2 * hidden);
    const heads = text.num('num_attention_heads');
    return text.with({
      attention_hidden_size: width,
      attention_head_dim: text.numOr('attention_head_dim', Math.floor((2 * hidden) / heads)),
      mamba_headdim: text.numOr(
        'mamba_headdim',
        Math.floor((text.float('mamba_expand') * hidden) / text.num('n_mamba_heads')),
      ),
    });
  },
  headSize: (text) => text.num('attention_head_dim'),
  state: ({ text, dtype }, run) => mamba2State(mixerSizes(text), dtype, run),
  build: (stage, { text, dtype }) => {
    const sizes = mixerSizes(text);
    const { hiddenSize } = sizes;
    const hybrids = hybridLayers(text);
    embeddings(stage, text, {
      tied: true,
    });
    for (let block = 0; block < text.num('num_mem_blocks'); block++) {
      buildSharedBlock(stage, text, { block, hybrids: hybrids.length });
    }
    for (let layer = 0; layer < text.num('num_hidden_layers'); layer++) {
      // A layer is known by its number after those of the shared blocks, so that each cache has an index of its own.
      const prefix = `${hybrids.length + layer}`;
      if (hybrids.includes(layer)) stage.replicated(`${prefix}.linear`, hiddenSize, hiddenSize);
      const name = `model.layers.${layer}`;
      buildMamba2(stage, `${name}.mamba`, sizes, `${prefix}.mixer`);
      stage.norm(`${name}.input_layernorm`, hiddenSize);
      stage.state(`${prefix}.mixer`, mamba2State(sizes, dtype, stage.run), 'any');
    }
    stage.norm('model.final_layernorm', hiddenSize);
  },
};
