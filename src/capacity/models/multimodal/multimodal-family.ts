/**
 * A multimodal repository as a family: its language model's family under the prefix of the row, and its towers. Whatever
 * vLLM's ModelConfig asks is answered by the language model's family.
 * Source: vllm/model_executor/models/interfaces.py SupportsMultiModal, vllm/config/vllm.py with_hf_config (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';
import { weightNamer } from '../families/common.ts';
import { EXPLICIT_LAYERS_HINT, type HfConfig } from '../hf-config.ts';
import type { ModelFamily } from '../model-family.ts';
import type { ResolvedModel } from '../resolved-model.ts';
import type { StageBuilder } from '../stage-builder.ts';
import {
  architectureOfType,
  subConfig,
  textConfig,
  withConfigDefaults,
} from './config-defaults.ts';
import type { MultimodalArchitecture, MultimodalConfig } from './multimodal-architecture.ts';

/** How a family is found by its architecture's name. */
type FamilyOf = (architecture: string, label: string) => ModelFamily;

/** The family of one config.json. Throws E_UNKNOWN_MODEL where its language model is not known. */
export function multimodalFamily(
  about: MultimodalArchitecture,
  root: HfConfig,
  familyOf: FamilyOf,
): ModelFamily {
  if (about.refusal !== undefined) {
    const [name] = about.architectures;
    const words = `${root.label}: ${name}: ${about.refusal}; ${EXPLICIT_LAYERS_HINT}`;
    throw new ConfigError('E_UNKNOWN_MODEL', words);
  }
  const text = languageConfig(about, root);
  const { textFamily } = about;
  const architecture = textFamily === undefined ? textArchitecture(about, text, root) : '';
  const family = textFamily ?? familyOf(architecture, text.label);
  const { mtp, state, adjustRun } = family;
  const { weightNames = DEFAULT_WEIGHT_NAMES } = about;
  const inner = (model: ResolvedModel): ResolvedModel => ({ ...model, architecture });
  return {
    ...family,
    name: `multimodal, ${family.name}`,
    architectures: about.architectures,
    language: () => languageConfig(about, root),
    normalize: (own, whole) => {
      const changed = about.normalize?.(own, whole) ?? own;
      return family.normalize?.(changed, whole) ?? changed;
    },
    isMmPrefixLm,
    ...(about.uncounted === undefined ? {} : { uncounted: about.uncounted }),
    ...(about.packedModules === undefined ? {} : { packedModules: about.packedModules }),
    vllmName: weightNamer(weightNames),
    ...(state === undefined ? {} : { state: (model, run) => state(inner(model), run) }),
    ...(adjustRun === undefined ? {} : { adjustRun: (model, run) => adjustRun(inner(model), run) }),
    build: (stage, model) => build(stage, inner(model), about, family),
    ...(mtp === undefined
      ? {}
      : { mtp: { ...mtp, build: (stage, model) => mtp.build(stage, inner(model)) } }),
  };
}

/** Of most classes: names of transformers from 4.52 on. */
const DEFAULT_WEIGHT_NAMES = [
  ['model.language_model.', 'language_model.model.'],
  ['model.vision_tower.', 'vision_tower.'],
  ['model.audio_tower.', 'audio_tower.'],
  ['model.visual.', 'visual.'],
  ['model.multi_modal_projector.', 'multi_modal_projector.'],
  ['lm_head.', 'language_model.lm_head.'],
] as const;

const MM_PREFIX_LM_MODELS = ['bagel', 'gemma3', 'molmo2', 'moondream3', 'paligemma'];
const MM_PREFIX_BY_TEXT = ['gemma4', 'gemma4_unified', 'diffusion_gemma'];

/** Source: model_arch_config_convertor.py is_mm_prefix_lm. */
function isMmPrefixLm(text: HfConfig, root: HfConfig): boolean {
  const type = root.strOr('model_type', '');
  if (MM_PREFIX_BY_TEXT.includes(type)) return text.get('use_bidirectional_attention') === 'vision';
  if (root.hasKey('is_mm_prefix_lm')) return root.flag('is_mm_prefix_lm');
  return MM_PREFIX_LM_MODELS.includes(type);
}

function build(
  stage: StageBuilder,
  model: ResolvedModel,
  about: MultimodalArchitecture,
  family: ModelFamily,
): void {
  if (about.supportsPp === false && stage.run.pipelineParallelSize > 1) {
    throw new ConfigError(
      'E_BAD_FLAG',
      'Pipeline parallelism is not supported for this model. Supported models implement the `SupportsPP` interface.',
    );
  }
  const { root, text } = model;
  const config: MultimodalConfig = {
    root: withConfigDefaults(root),
    text,
    sub: (key) => subConfig(root, key),
  };
  if (stage.isFirst) {
    for (const tower of about.towers) tower.build(stage, config);
  }
  about.everyStage?.(stage, config);
  const { prefix = 'language_model' } = about;
  // Some classes begin their modules' names with a dot where they stand alone.
  const within = (name: string): string => `${prefix}${name.startsWith('.') ? '' : '.'}${name}`;
  const rename = about.rename ?? within;
  stage.renaming(rename, () => family.build(stage, model));
}

/** Tied embeddings are the whole model's affair: its value counts wherever it has one. */
function languageConfig(about: MultimodalArchitecture, root: HfConfig): HfConfig {
  const whole = withConfigDefaults(root);
  const text = about.language?.(whole) ?? textConfig(root);
  if (about.tiesByText === true || !whole.has('tie_word_embeddings')) return text;
  return text.with({ tie_word_embeddings: whole.get('tie_word_embeddings') });
}

function textArchitecture(
  { textArchitecture: named }: MultimodalArchitecture,
  text: HfConfig,
  root: HfConfig,
): string {
  if (typeof named === 'string') return named;
  if (named !== undefined) return named(text, root);
  const [own] = text.has('architectures') ? text.strings('architectures') : [];
  const architecture = own ?? architectureOfType(text.strOr('model_type', ''));
  return architecture ?? text.fail('architectures', 'a list with the language model that it is');
}
