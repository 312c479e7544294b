/**
 * What a model is run as: to generate, or to pool, and what is made of it for that.
 * Source: vllm/config/model.py ModelConfig._get_runner_type, _get_convert_type, _SUFFIX_TO_DEFAULTS (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';
import { poolingArchitecture } from './architectures.ts';

export type RunnerType = 'generate' | 'pooling';
export type ConvertType = 'none' | 'embed' | 'classify';

export interface Runner {
  readonly type: RunnerType;
  readonly convert: ConvertType;
}

export interface RunnerAsked {
  readonly runner?: string | undefined;
  readonly convert?: string | undefined;
  /** A modules.json with a pooling module lies beside the config.json. */
  readonly hasPoolingModule: boolean;
  /** A class of this name or of the one that it is derived from, which generates. */
  readonly isGenerative: boolean;
  /** The name itself is one of vLLM's registry. */
  readonly isRegistered: boolean;
}

/** Earlier ones win. Suffixes that transformers gives its classes. */
const SUFFIX_DEFAULTS: readonly (readonly [string, RunnerType, ConvertType])[] = [
  ['ForCausalLM', 'generate', 'none'],
  ['ForConditionalGeneration', 'generate', 'none'],
  ['ChatModel', 'generate', 'none'],
  ['LMHeadModel', 'generate', 'none'],
  ['ForTextEncoding', 'pooling', 'embed'],
  ['EmbeddingModel', 'pooling', 'embed'],
  ['ForSequenceClassification', 'pooling', 'classify'],
  ['ForTokenClassification', 'pooling', 'classify'],
  ['ForAudioClassification', 'pooling', 'classify'],
  ['ForImageClassification', 'pooling', 'classify'],
  ['ForVideoClassification', 'pooling', 'classify'],
  ['ClassificationModel', 'pooling', 'classify'],
  ['ForRewardModeling', 'pooling', 'embed'],
  ['RewardModel', 'pooling', 'embed'],
  ['Model', 'pooling', 'embed'],
];

/** Names of vLLM's registry that say `Model` and are classes which generate. */
const GENERATIVE_MODELS = [
  'DeepseekV3BidirectionalModel',
  'Gemma2Model',
  'LlamaModel',
  'MistralModel',
  'Qwen2Model',
];

/** The names under which the class that an adapter converts may stand, best first. Source: _normalize_arch. */
export function baseArchitectures(architecture: string): readonly string[] {
  const match = SUFFIX_DEFAULTS.find(([suffix]) => architecture.endsWith(suffix));
  if (match === undefined) return [];
  const [suffix] = match;
  return SUFFIX_DEFAULTS.map(([other]) => architecture.replace(suffix, other));
}

/** Throws E_BAD_FLAG where vLLM refuses, with its words. */
export function resolveRunner(architecture: string, asked: RunnerAsked): Runner {
  const convert = asked.convert ?? 'auto';
  const isRegistered = asked.isRegistered || GENERATIVE_MODELS.includes(architecture);
  const runner = asked.runner ?? 'auto';
  const isPooling = poolingArchitecture(architecture) !== null;
  if (runner === 'draft')
    throw new ConfigError('E_BAD_FLAG', '--runner draft is for draft models, which are not served');
  const type =
    runner === 'auto'
      ? defaultType(architecture, convert, { ...asked, isRegistered })
      : (runner as RunnerType);
  const resolved: Runner = {
    type,
    convert:
      convert === 'auto'
        ? defaultConvert(architecture, type, { ...asked, isRegistered })
        : (convert as ConvertType),
  };
  if (isPooling && !asked.isGenerative && type === 'generate')
    throw refusal(
      'Embedding models do not support `--runner generate`. ' +
        'Use `--runner pooling` or `--runner auto` for embedding models.',
    );
  if (type === 'generate' && !asked.isGenerative && !isPooling)
    throw refusal('This model does not support `--runner generate`.');
  if (type === 'pooling' && !isPooling && resolved.convert === 'none')
    throw refusal(
      'This model does not support `--runner pooling`. ' +
        'You can pass `--convert <embed|classify> to adapt it into a pooling model.',
    );
  return resolved;
}

function defaultType(architecture: string, convert: string, asked: RunnerAsked): RunnerType {
  if (convert !== 'auto' && convert !== 'none') return 'pooling';
  if (asked.hasPoolingModule) return 'pooling';
  if (poolingArchitecture(architecture) !== null) return 'pooling';
  if (asked.isRegistered && asked.isGenerative) return 'generate';
  return matched(architecture)?.[1] ?? 'generate';
}

function defaultConvert(architecture: string, type: RunnerType, asked: RunnerAsked): ConvertType {
  const own = poolingArchitecture(architecture);
  if (type === 'pooling' && own !== null) return own.isConverted ? 'embed' : 'none';
  if (type === 'generate' && asked.isGenerative && asked.isRegistered) return 'none';
  const match = matched(architecture, type);
  if (match !== undefined) return match[2];
  return type === 'pooling' ? 'embed' : 'none';
}

function matched(architecture: string, type?: RunnerType) {
  return SUFFIX_DEFAULTS.find(
    ([suffix, of]) => (type === undefined || of === type) && architecture.endsWith(suffix),
  );
}

function refusal(message: string): ConfigError {
  return new ConfigError('E_BAD_FLAG', message);
}
