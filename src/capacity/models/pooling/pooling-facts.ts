/**
 * What a pooling model answers with: its tasks, the size of its vectors, its labels and what makes probabilities of
 * logits. Engines make such vectors, frontends check requests against it.
 * Source: vllm/config/model.py ModelConfig, vllm/model_executor/layers/pooler/activations.py, models/adapters.py (0.33.0).
 */
import { ConfigError } from '../../../shared/errors.ts';
import { isJsonObject } from '../../../shared/json-object.ts';
import { POOLING_TASKS, type PoolingTask } from '../../../shared/protocol/pooling.ts';
import type { HfConfig } from '../hf-config.ts';
import { CLASSIFY_TASKS, EMBED_TASKS, poolingArchitecture } from './architectures.ts';
import { type PoolerConfig, resolvePoolerConfig } from './pooler-config.ts';
import type { ConvertType } from './runner.ts';
import { type SentenceTransformers, textsOf } from './sentence-transformers.ts';

/** What a classifier's pooler does to logits where an activation is asked for. */
export type ClassifierActivation = 'identity' | 'sigmoid' | 'softmax' | 'tanh';

export interface PoolingFacts {
  readonly convert: ConvertType;
  readonly pooler: PoolerConfig;
  /** Sorted. */
  readonly supportedTasks: readonly PoolingTask[];
  /** The one that the endpoints serve. Source: ModelConfig.get_pooling_task. */
  readonly task: PoolingTask;
  /** Elements of an embedding. */
  readonly embeddingSize: number;
  readonly isMatryoshka: boolean;
  /** The sizes that the model was trained for; null for any. */
  readonly matryoshkaDimensions: readonly number[] | null;
  readonly numLabels: number;
  /** Names of labels by their number. */
  readonly id2label: Readonly<Record<string, string>>;
  readonly activation: ClassifierActivation;
  /** A pair is joined by the tokenizer's separator, and not just written one after the other. */
  readonly usesSepToken: boolean;
  /** Texts are made lower case before they are tokenized. */
  readonly doLowerCase: boolean;
  /** What an embedded text is told of its task, by the task's name; null where the model has none. */
  readonly taskInstructions: Readonly<Record<string, string>> | null;
  /** Attention looks both ways: no KV cache. */
  readonly isEncoderOnly: boolean;
  readonly isChunkedPrefillSupported: boolean;
  readonly isPrefixCachingSupported: boolean;
}

export interface PoolingInputs {
  readonly architecture: string;
  readonly convert: ConvertType;
  readonly root: HfConfig;
  readonly text: HfConfig;
  readonly sentenceTransformers: SentenceTransformers;
  readonly poolerConfig: Readonly<Record<string, unknown>> | null;
}

/** Throws E_BAD_FLAG where vLLM refuses, or for an activation that is not simulated. */
export function resolvePooling(inputs: PoolingInputs): PoolingFacts {
  const { architecture, convert, root, text, sentenceTransformers } = inputs;
  const known = poolingArchitecture(architecture);
  const bidirectional = bidirectionalPooling(architecture, root);
  const pooler = resolvePoolerConfig({
    user: inputs.poolerConfig,
    sentenceTransformers: sentenceTransformers.pooling,
    architecture: {
      seqPoolingType: bidirectional ?? known?.seqPoolingType ?? 'LAST',
      tokPoolingType: known?.tokPoolingType ?? 'ALL',
      poolerDefaults: known?.poolerDefaults ?? {},
    },
  });
  const isEncoderOnly =
    known?.seqPoolingType === 'CLS' ||
    known?.isEncoderOnly === true ||
    !isCausal(architecture, root);
  const isPooledAtEnd =
    !isEncoderOnly && pooler.seqPoolingType === 'LAST' && pooler.tokPoolingType !== 'STEP';
  const supportedTasks = known?.tasks ?? (convert === 'classify' ? CLASSIFY_TASKS : EMBED_TASKS);
  const reranker = rerankerLabels(root, text);
  const numLabels = reranker ?? labelCount(root, text);
  return {
    convert,
    pooler,
    supportedTasks,
    task: taskOf(pooler, supportedTasks, architecture),
    embeddingSize: embeddingSizeOf(inputs),
    isMatryoshka: root.flag('matryoshka_dimensions') || root.flag('is_matryoshka'),
    matryoshkaDimensions: root.has('matryoshka_dimensions')
      ? root.numbers('matryoshka_dimensions')
      : null,
    numLabels,
    id2label: labelsOf(root, numLabels),
    activation: activationOf(root, numLabels),
    usesSepToken: usesSepToken(root, text, reranker !== null),
    doLowerCase: sentenceTransformers.doLowerCase,
    taskInstructions: textsOf(root.get('task_instructions')) ?? sentenceTransformers.prompts,
    isEncoderOnly,
    isChunkedPrefillSupported: isPooledAtEnd,
    isPrefixCachingSupported: isPooledAtEnd,
  };
}

/** Source: LlamaBidirectionalConfig. */
function bidirectionalPooling(
  architecture: string,
  root: HfConfig,
): 'MEAN' | 'CLS' | 'LAST' | null {
  if (!architecture.startsWith('LlamaBidirectional')) return null;
  const pooling = root.strOr('pooling', '');
  if (pooling === 'avg') return 'MEAN';
  if (pooling === 'cls') return 'CLS';
  if (pooling === 'last') return 'LAST';
  throw new ConfigError(
    'E_BAD_FLAG',
    pooling === ''
      ? "This bidirectional model requires a 'pooling' field in its HF config (one of 'avg', 'cls', 'last'), but none was found."
      : `pool_type '${pooling}' not supported`,
  );
}

function isCausal(architecture: string, root: HfConfig): boolean {
  if (architecture.includes('Bidirectional')) return false;
  if (architecture === 'Gemma3TextModel') return !root.flag('use_bidirectional_attention');
  return !root.has('is_causal') || root.flag('is_causal');
}

/** Source: ModelConfig.get_pooling_task. */
function taskOf(
  { task }: PoolerConfig,
  supported: readonly PoolingTask[],
  architecture: string,
): PoolingTask {
  if (task !== null) {
    if (supported.includes(task)) return task;
    const shown = supported.map((name) => `'${name}'`).join(', ');
    throw new ConfigError(
      'E_BAD_FLAG',
      `Unsupported task: '${task}' Supported tasks: (${shown}${supported.length === 1 ? ',' : ''})`,
    );
  }
  if (architecture.includes('ForTokenClassification') && supported.includes('token_classify'))
    return 'token_classify';
  const priority: readonly PoolingTask[] = [
    'embed&token_classify',
    'embed',
    'classify',
    'token_embed',
    'token_classify',
    'plugin',
  ];
  return priority.find((name) => supported.includes(name)) ?? POOLING_TASKS[0];
}

function embeddingSizeOf({ root, text, sentenceTransformers }: PoolingInputs): number {
  const own = root.numOr('embedding_size', sentenceTransformers.denseOutFeatures);
  return own ?? text.numOr('hidden_size', text.numOr('n_embd', text.numOr('d_model', 0)));
}

/** Labels of a generating model whose classifier is made of rows of its head. Source: SequenceClassificationConfig. */
function rerankerLabels(root: HfConfig, text: HfConfig): number | null {
  const isQwen3 = root.flag('is_original_qwen3_reranker');
  const method = isQwen3 ? 'from_2_way_softmax' : root.strOr('method', text.strOr('method', null));
  if (method === null) return null;
  const holder = root.has('classifier_from_token') ? root : text;
  const tokens = holder.strings('classifier_from_token');
  if (method !== 'from_2_way_softmax') return tokens.length;
  if (tokens.length !== 2) return holder.fail('classifier_from_token', 'a list of two tokens');
  return 1;
}

/** transformers' num_labels: the length of id2label, which has two entries where nothing is said. */
function labelCount(root: HfConfig, text: HfConfig): number {
  const own = ownLabelCount(root);
  return own ?? ownLabelCount(text) ?? 2;
}

function ownLabelCount(config: HfConfig): number | null {
  const labels = config.get('id2label');
  return isJsonObject(labels) ? Object.keys(labels).length : config.numOr('num_labels', null);
}

function labelsOf(root: HfConfig, numLabels: number): Readonly<Record<string, string>> {
  const labels = root.get('id2label');
  if (isJsonObject(labels))
    return Object.fromEntries(Object.entries(labels).map(([id, label]) => [id, String(label)]));
  return Object.fromEntries(Array.from({ length: numLabels }, (_, id) => [id, `LABEL_${id}`]));
}

/** Source: get_act_fn. */
function activationOf(root: HfConfig, numLabels: number): ClassifierActivation {
  const byCount = numLabels < 2 ? 'sigmoid' : 'softmax';
  switch (root.strOr('problem_type', '')) {
    case 'regression':
      return 'identity';
    case 'single_label_classification':
      return byCount;
    case 'multi_label_classification':
      return 'sigmoid';
    default:
  }
  const nested = root.get('sentence_transformers');
  const named =
    isJsonObject(nested) && typeof nested['activation_fn'] === 'string'
      ? nested['activation_fn']
      : root.strOr('sbert_ce_default_activation_function', null);
  if (named === null) return byCount;
  if (!named.startsWith('torch.nn.modules.'))
    throw new ConfigError(
      'E_BAD_FLAG',
      'Loading of activation functions is restricted to torch.nn.modules for security reasons',
    );
  const name = named.split('.').at(-1);
  if (name === 'Identity') return 'identity';
  if (name === 'Sigmoid' || name === 'Softmax') return byCount;
  if (name === 'Tanh') return 'tanh';
  throw new ConfigError(
    'E_BAD_FLAG',
    `the activation function ${named} of the model's classifier is not simulated; Identity, Sigmoid, Softmax and Tanh are ` +
      '(give another with --hf-overrides \'{"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}\')',
  );
}

/** Source: ModelConfig.use_sep_token; a reranker made of a generating model has none. */
function usesSepToken(root: HfConfig, text: HfConfig, isReranker: boolean): boolean {
  if (root.has('use_pad_token')) return root.flag('use_pad_token');
  if (root.has('use_sep_token')) return root.flag('use_sep_token');
  return isReranker ? text.flag('use_sep_token') : true;
}
