/**
 * What transformers, and so vLLM, refuses of a config.json by itself.
 * Source: transformers 5 PreTrainedConfig.validate_layer_type and each config class's validate_architecture, which vLLM
 * 0.33.0 runs while it reads the file. Leaves out: types of single fields, which HfConfig names when they are read.
 */
import type { HfConfig } from '../hf-config.ts';
import { refused } from './refused.ts';

/** Where the hidden size is split over the heads, whatever head_dim says. */
const SPLITS_HIDDEN_SIZE = [
  'arcee',
  'deepseek_v2',
  'gemma2',
  'gemma3_text',
  'gemma3n_text',
  'llama',
];

/** `text` is the language model's config with transformers' defaults under it. Throws E_BAD_FLAG. */
export function checkHfConfig(text: HfConfig): void {
  const modelType = text.strOr('model_type', '');
  if (modelType === 'gemma3n_text') checkLayerWidths(text);
  checkLayerTypes(text, modelType);
  if (modelType === 'llama4_text') checkListedLayers(text, 'no_rope_layers');
  if (modelType === 'zamba2') checkListedLayers(text, 'layers_block_type');
  if (SPLITS_HIDDEN_SIZE.includes(modelType)) checkHiddenSize(text);
  if (modelType === 'jamba') checkPeriods(text);
  if (modelType === 'granitemoehybrid') checkStateHeads(text);
  if (modelType === 'mamba2') checkStateWidth(text);
}

function checkLayerTypes(text: HfConfig, modelType: string): void {
  if (!text.has('layer_types')) return;
  const types = text.strings('layer_types');
  const layers = text.num('num_hidden_layers');
  if (types.length === layers) return;
  const beyond = types.flatMap((type, layer) =>
    layer >= layers && type === 'full_attention' ? [layer] : [],
  );
  if (modelType === 'gemma4_text' && beyond.length > 0) {
    throw refused(
      `\`per_layer_config\` keys must be integer layer indices in the range [0, ${layers}); got [${beyond.join(', ')}].`,
    );
  }
  throw refused(
    `\`num_hidden_layers\` (${layers}) must be equal to the number of \`layer_types\` (${types.length})`,
  );
}

function checkLayerWidths(text: HfConfig): void {
  const layers = text.num('num_hidden_layers');
  const widths = text.get('intermediate_size');
  if (!Array.isArray(widths) || widths.length === layers) return;
  throw refused(
    `intermediate_size must have an explicit intermediate size for every layer or one for all layers. Expected ${layers} values ` +
      `but got ${widths.length}.`,
  );
}

/** Layer types come of another list, one entry a layer. */
function checkListedLayers(text: HfConfig, key: string): void {
  if (text.has('layer_types') || !text.has(key)) return;
  const listed = text.list(key).length;
  const layers = text.num('num_hidden_layers');
  if (listed === 0 || listed === layers) return;
  throw refused(
    `\`num_hidden_layers\` (${layers}) must be equal to the number of \`layer_types\` (${listed})`,
  );
}

function checkHiddenSize(text: HfConfig): void {
  const hidden = text.num('hidden_size');
  const heads = text.num('num_attention_heads');
  if (hidden % heads === 0) return;
  throw refused(
    `The hidden size (${hidden}) is not a multiple of the number of attention heads (${heads}).`,
  );
}

/** Jamba's attention and expert layers come once a period. */
function checkPeriods(text: HfConfig): void {
  for (const [kind, words] of [
    ['attn', 'attention'],
    ['expert', 'expert'],
  ] as const) {
    const offset = text.numOr(`${kind}_layer_offset`, null);
    const period = text.numOr(`${kind}_layer_period`, null);
    if (offset === null || period === null || offset < period) continue;
    throw refused(
      `${words} layer offset (${offset}) must be smaller than ${words} layer period (${period})`,
    );
  }
}

function checkStateWidth(text: HfConfig): void {
  const width = text.num('hidden_size') * text.floatOr('expand', 2);
  const heads = text.numOr('num_heads', 128) * text.numOr('head_dim', 64);
  if (width === heads) return;
  throw refused(
    `Inconsistent configuration: hidden_size * expand (${width}) must equal num_heads * head_dim (${heads}).`,
  );
}

function checkStateHeads(text: HfConfig): void {
  const heads = text.numOr('mamba_n_heads', 128);
  const width = text.floatOr('mamba_expand', 2) * text.num('hidden_size');
  if (width % heads !== 0) throw refused('mamba_n_heads must divide mamba_expand * hidden_size');
  const size = text.numOr('mamba_d_head', width / heads);
  if (size * heads !== width) {
    throw refused(
      'The dimensions for the Mamba head state do not match the model intermediate_size',
    );
  }
}
