/**
 * `modelopt_mixed`: ModelOpt's checkpoints that name an algorithm for each module.
 * Source: vllm/model_executor/layers/quantization/modelopt.py ModelOptMixedPrecisionConfig (0.33.0). Leaves out: b12x's
 * block codecs, which are refused.
 */
import { isJsonObject } from '../../../shared/json-object.ts';
import type { HfConfig } from '../hf-config.ts';
import { blockExperts } from './fp8.ts';
import { kvCacheScales } from './kv-cache-scales.ts';
import { type BlockShape, headAsLinear } from './linear-shapes.ts';
import { excludes, readModelOpt } from './modelopt.ts';
import { MODELOPT_ALGOS } from './modelopt-algos.ts';
import { projectionOf } from './module-names.ts';
import type {
  ExpertsModule,
  LinearModule,
  ParameterShape,
  QuantizationConfig,
} from './quantization-config.ts';
import type { QuantizationContext, QuantizationMethod } from './quantization-method.ts';
import { refuseCheckpoint } from './refusals.ts';

interface LayerRecipe {
  /** Upper-cased `quant_algo`. */
  readonly algo: string;
  readonly groupSize: number | null;
}

type Recipes = ReadonlyMap<string, LayerRecipe>;

export const MODELOPT_MIXED: QuantizationMethod = {
  minCapability: 75,
  dtypes: ['bfloat16', 'float16'],
  fromCheckpoint: mixedConfig,
};

/** Block-wise FP8 of experts, under its older name too. */
const BLOCK_FP8 = ['FP8_PB_WO', 'FP8_BLOCK_SCALES'];

function mixedConfig(config: HfConfig, context: QuantizationContext): QuantizationConfig {
  const checkpoint = readModelOpt(config);
  const recipes = readRecipes(checkpoint.fields, context);
  const group = checkpoint.groupSize ?? nvfp4Group(recipes) ?? 16;
  const block = fp8Block(recipes);
  const isExcluded = excludes(checkpoint.excluded, context);
  const algoOf = (name: string): string | null =>
    isExcluded(name) ? null : resolveAlgo(name, recipes, context);
  const linear = (module: LinearModule): readonly ParameterShape[] | null =>
    MODELOPT_ALGOS[algoOf(module.name) ?? '']?.linear(module, group) ?? null;
  const experts = (module: ExpertsModule): readonly ParameterShape[] | null => {
    const algo = algoOf(module.name);
    if (algo === null) return null;
    if (BLOCK_FP8.includes(algo)) return blockExperts(module, block, context);
    if (algo === 'FP8_PER_CHANNEL_PER_TOKEN') return null;
    return MODELOPT_ALGOS[algo]?.experts(module, group, context) ?? null;
  };
  const algos = [...new Set([...recipes.values()].map(({ algo }) => algo))];
  return {
    name: 'modelopt_mixed',
    description: `ModelOpt, mixed: ${algos.join(', ')}`,
    linear,
    experts,
    embedding: (module) => (module.isLmHead ? linear(headAsLinear(module)) : null),
    attention: (module) =>
      checkpoint.hasCacheScheme && !module.isMla ? kvCacheScales(module) : [],
    attentionCacheDtype: null,
  };
}

function readRecipes(fields: HfConfig, { vllmName }: QuantizationContext): Recipes {
  const layers = fields.get('quantized_layers');
  if (!isJsonObject(layers) || Object.keys(layers).length === 0) {
    refuseCheckpoint(
      "MIXED_PRECISION quant_algo requires a non-empty 'quantized_layers' mapping in the quantization config.",
    );
  }
  const rows = Object.entries(layers).map(([layer, recipe]) => {
    const said = isJsonObject(recipe) ? recipe['quant_algo'] : undefined;
    if (!isJsonObject(recipe) || typeof said !== 'string') {
      refuseCheckpoint(`quantized_layers: ${layer} names no quant_algo`);
    }
    const algo = said.toUpperCase();
    if (!Object.hasOwn(MODELOPT_ALGOS, algo) && !BLOCK_FP8.includes(algo)) {
      refuseCheckpoint(
        `quantized_layers: ${layer} has the quant_algo ${said}, which is not understood; ` +
          "give the bytes of one rank's weights with --weights-bytes",
      );
    }
    const group = recipe['group_size'];
    const groupSize = typeof group === 'number' ? group : null;
    return [vllmName === null ? layer : vllmName(layer), { algo, groupSize }] as const;
  });
  return new Map(rows.flatMap(([layer, recipe]) => (layer === null ? [] : [[layer, recipe]])));
}

function nvfp4Group(recipes: Recipes): number | null {
  const first = [...recipes.values()].find(({ algo }) => ['NVFP4', 'W4A16_NVFP4'].includes(algo));
  return first?.groupSize ?? null;
}

function fp8Block(recipes: Recipes): BlockShape {
  const blocks = [...recipes.values()].filter(({ algo }) => BLOCK_FP8.includes(algo));
  const [size = 128, ...others] = new Set(blocks.map(({ groupSize }) => groupSize ?? 128));
  if (others.length > 0) {
    refuseCheckpoint(
      'MIXED_PRECISION currently requires all block-FP8 MoE layers to use one group_size, ' +
        `got [${[size, ...others].sort((a, b) => a - b).join(', ')}].`,
    );
  }
  return [size, size];
}

/** By the module's name, its parts' names, or a name below it. Source: _resolve_quant_algo. */
function resolveAlgo(
  name: string,
  recipes: Recipes,
  { packedModules }: QuantizationContext,
): string | null {
  const candidates = namesOf(name);
  const own = candidates.map((candidate) => recipes.get(candidate)).find((row) => row);
  if (own !== undefined) return own.algo;
  const projection = projectionOf(name);
  const packed = Object.hasOwn(packedModules, projection) ? packedModules[projection] : [];
  const parents = namesOf(parentOf(name));
  const ofParts = commonAlgo(name, parents, packed ?? [], recipes);
  if (ofParts !== null) return ofParts;
  const below = [
    ...candidates.map((candidate) => `${candidate}.`),
    ...(name.endsWith('.experts') ? [`${name.slice(0, name.indexOf('.experts'))}.`] : []),
  ];
  for (const prefix of below) {
    const child = [...recipes].find(([layer]) => layer.startsWith(prefix));
    if (child !== undefined) return child[1].algo;
  }
  return commonAlgo(name, candidates.map(parentOf), USUAL_PARTS[projection] ?? [], recipes);
}

/** Parts that checkpoints list whatever the model class says of them. */
const USUAL_PARTS: Readonly<Record<string, readonly string[]>> = {
  qkv_proj: ['q_proj', 'k_proj', 'v_proj'],
  gate_up_proj: ['gate_proj', 'up_proj'],
};

/** Throws E_UNKNOWN_MODEL where the parts of a fused module differ. */
function commonAlgo(
  name: string,
  parents: readonly string[],
  parts: readonly string[],
  recipes: Recipes,
): string | null {
  const listed = parents.flatMap((parent) => parts.map((part) => recipes.get(`${parent}.${part}`)));
  const [first, ...others] = new Set(listed.flatMap((recipe) => recipe?.algo ?? []));
  if (others.length > 0) {
    const algos = [first, ...others].map((algo) => `'${algo}'`).join(', ');
    refuseCheckpoint(
      `Mixed quant_algo within fused layer ${name}: {${algos}}. All shards must use the same quantization.`,
    );
  }
  return first ?? null;
}

function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')));
}

/** A language model within a multimodal one is listed under either order of its prefixes. */
function namesOf(name: string): readonly string[] {
  const names = [name];
  if (name.endsWith('.lm_head')) names.push('lm_head');
  const [inner, outer] = ['language_model.model.', 'model.language_model.'];
  if (name.startsWith(inner)) names.push(outer + name.slice(inner.length));
  else if (name.startsWith(outer)) names.push(inner + name.slice(outer.length));
  return names;
}
