import { describe, expect, it } from 'vitest';
import { HfConfig } from '../../../../src/capacity/models/hf-config.ts';
import { planModel } from '../../../../src/capacity/models/model-plan.ts';
import { resolvePoolerConfig } from '../../../../src/capacity/models/pooling/pooler-config.ts';
import { resolvePooling } from '../../../../src/capacity/models/pooling/pooling-facts.ts';
import { resolveRunner } from '../../../../src/capacity/models/pooling/runner.ts';
import {
  NO_SENTENCE_TRANSFORMERS,
  poolingOfModules,
} from '../../../../src/capacity/models/pooling/sentence-transformers.ts';
import { planKVCache } from '../../../../src/capacity/plan/plan-kv-cache.ts';
import type { JsonObject } from '../../../../src/shared/json-object.ts';

const MISTRAL = {
  architectures: ['MistralForCausalLM'],
  model_type: 'mistral',
  hidden_size: 4096,
  intermediate_size: 14336,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  num_hidden_layers: 32,
  max_position_embeddings: 32768,
  sliding_window: 4096,
  vocab_size: 32000,
  tie_word_embeddings: false,
  torch_dtype: 'bfloat16',
};

function plan(config: JsonObject, options: JsonObject = {}) {
  return planModel(
    {
      name: 'model',
      source: 'test',
      config,
      generationEosTokenIds: [],
      draftConfig: null,
    },
    { gpu: 'L4', kvCacheMemoryBytes: 4 * 2 ** 30, ...options },
  );
}

describe('what a model is run as', () => {
  const runner = (architecture: string, asked: Partial<Parameters<typeof resolveRunner>[1]> = {}) =>
    resolveRunner(architecture, {
      hasPoolingModule: false,
      isGenerative: architecture.endsWith('ForCausalLM'),
      isRegistered: architecture.endsWith('ForCausalLM'),
      ...asked,
    });

  it.each([
    ['Qwen3ForCausalLM', {}, 'generate', 'none'],
    ['Qwen3ForCausalLM', { runner: 'pooling' }, 'pooling', 'embed'],
    ['Qwen3ForCausalLM', { convert: 'classify' }, 'pooling', 'classify'],
    ['Qwen3ForCausalLM', { hasPoolingModule: true }, 'pooling', 'embed'],
    ['Qwen3ForSequenceClassification', { isGenerative: true }, 'pooling', 'classify'],
    ['Qwen3Model', { isGenerative: true }, 'pooling', 'embed'],
    ['LlamaModel', { isGenerative: true }, 'generate', 'none'],
    ['BertModel', {}, 'pooling', 'none'],
    ['ModernBertModel', {}, 'pooling', 'embed'],
    ['XLMRobertaForSequenceClassification', {}, 'pooling', 'none'],
    ['Qwen2ForRewardModel', {}, 'pooling', 'none'],
  ] as const)('is that of vLLM: %s with %j', (architecture, asked, type, convert) => {
    expect(runner(architecture, asked)).toEqual({ type, convert });
  });

  it('is refused where it cannot be', () => {
    expect(() => runner('BertModel', { runner: 'generate' })).toThrow(
      'Embedding models do not support `--runner generate`. Use `--runner pooling` or `--runner auto` for embedding models.',
    );
    expect(() => runner('Qwen3ForCausalLM', { runner: 'pooling', convert: 'none' })).toThrow(
      'This model does not support `--runner pooling`. You can pass `--convert <embed|classify> to adapt it into a pooling model.',
    );
    expect(() => runner('Qwen3ForCausalLM', { runner: 'draft' })).toThrow('--runner draft');
  });
});

describe('a generating model that pools', () => {
  it('schedules step by step, keeps its prefix cache and leaves the head out', () => {
    const { input, facts } = plan(MISTRAL, { runner: 'pooling' });
    expect(input.config).toMatchObject({
      asyncScheduling: false,
      maxConcurrentBatches: 1,
      enablePrefixCaching: true,
      enableChunkedPrefill: true,
    });
    expect(planKVCache(input).totalBlocksPerRequest).toBe(385);
    expect(planKVCache(plan(MISTRAL).input).totalBlocksPerRequest).toBe(513);
    expect(facts.weightsBytes).toEqual([14_221_320_192]);
    expect(plan(MISTRAL).facts.weightsBytes).toEqual([14_483_464_192]);
  });

  it('caches no prefix and cuts no prompt where the mean is taken', () => {
    const poolerConfig = { seq_pooling_type: 'MEAN' };
    const { config } = plan(MISTRAL, { runner: 'pooling', poolerConfig }).input;
    expect(config).toMatchObject({
      enablePrefixCaching: false,
      enableChunkedPrefill: false,
      maxNumBatchedTokens: 32_768,
    });
  });

  it.each([
    ['torch.nn.modules.linear.Identity', 'identity'],
    ['torch.nn.modules.activation.Tanh', 'tanh'],
  ])('makes probabilities of logits by %s', (name, activation) => {
    const config = {
      ...MISTRAL,
      architectures: ['MistralForSequenceClassification'],
      sbert_ce_default_activation_function: name,
    };
    expect(plan(config).facts.pooling).toMatchObject({ activation });
  });

  it.each([
    ['os.system', 'restricted to torch.nn.modules for security reasons'],
    ['torch.nn.modules.activation.GELU', 'GELU of the model'],
  ])('makes none by %s', (name, message) => {
    const config = {
      ...MISTRAL,
      architectures: ['MistralForSequenceClassification'],
      sbert_ce_default_activation_function: name,
    };
    expect(() => plan(config)).toThrow(message);
  });

  it('has a classifier in float32 in the place of the head', () => {
    const config = {
      ...MISTRAL,
      architectures: ['MistralForSequenceClassification'],
      num_labels: 3,
    };
    const { facts } = plan(config);
    expect(facts.weightsBytes).toEqual([14_221_320_192 + 3 * 4096 * 4]);
    expect(facts.pooling).toMatchObject({ task: 'classify', numLabels: 3, activation: 'softmax' });
  });
});

describe('the pooler', () => {
  const architecture = {
    seqPoolingType: 'LAST',
    tokPoolingType: 'ALL',
    poolerDefaults: {},
  } as const;
  const resolve = (user: JsonObject | null, sentenceTransformers: JsonObject | null = null) =>
    resolvePoolerConfig({ user, sentenceTransformers, architecture });

  it('takes what the user says before what the files say', () => {
    const files = { seq_pooling_type: 'MEAN', use_activation: false };
    expect(resolve(null, files)).toMatchObject({
      seqPoolingType: 'MEAN',
      useActivation: false,
      sources: {
        seq_pooling_type: 'sentence_transformers',
        tok_pooling_type: 'model_default',
        use_activation: 'sentence_transformers',
      },
    });
    const own = resolve({ pooling_type: 'CLS', use_activation: true }, files);
    expect(own).toMatchObject({ seqPoolingType: 'CLS', useActivation: true });
    expect(own.sources.use_activation).toBe('user');
  });

  it.each([
    [{ normalize: true }, 'Parameter `normalize` was removed; use `use_activation` instead.'],
    [{ logit_sigma: 0 }, 'logit_sigma cannot be 0 (division by zero)'],
    [
      { pooling_type: 'CLS', seq_pooling_type: 'CLS' },
      'Cannot set both `pooling_type` and `seq_pooling_type`',
    ],
    [{ task: 'score' }, '`score` task was removed; use `classify` instead.'],
    [{ pooling_type: 'MAX' }, '--pooler-config'],
    [{ colour: 1 }, '--pooler-config: colour is not known'],
  ])('is refused with %j', (config, message) => {
    expect(() => resolve(config)).toThrow(message);
  });

  it('is what the modules of Sentence Transformers say', () => {
    const modules = [
      { type: 'sentence_transformers.models.Transformer', path: '' },
      { type: 'sentence_transformers.models.Pooling', path: '1_Pooling' },
      { type: 'sentence_transformers.models.Normalize', path: '2_Normalize' },
    ];
    const mode = { pooling_mode_cls_token: true, pooling_mode_mean_tokens: false };
    expect(poolingOfModules(modules, mode)).toEqual({
      use_activation: true,
      seq_pooling_type: 'CLS',
    });
    expect(poolingOfModules(modules.slice(0, 2), { pooling_mode: 'lasttoken' })).toEqual({
      use_activation: false,
      seq_pooling_type: 'LAST',
    });
  });
});

describe('what a pooling model answers with', () => {
  const facts = (
    architecture: string,
    config: JsonObject = {},
    poolerConfig: JsonObject | null = null,
  ) => {
    const root = new HfConfig({ hidden_size: 64, ...config }, 'model');
    return resolvePooling({
      architecture,
      convert: 'none',
      root,
      text: root,
      sentenceTransformers: NO_SENTENCE_TRANSFORMERS,
      poolerConfig,
    });
  };

  it.each([
    ['BertModel', 'embed', true],
    ['BgeM3EmbeddingModel', 'embed&token_classify', true],
    ['XLMRobertaForSequenceClassification', 'classify', true],
    ['BertForTokenClassification', 'token_classify', true],
    ['HF_ColBERT', 'token_embed', true],
    ['Qwen2ForRewardModel', 'token_classify', false],
  ])('is served by %s as %s', (architecture, task, isEncoderOnly) => {
    expect(facts(architecture)).toMatchObject({
      task,
      isEncoderOnly,
      isPrefixCachingSupported: !isEncoderOnly,
    });
  });

  it('has labels from config.json, two where it says nothing, one of a reranker', () => {
    expect(facts('BertForSequenceClassification').id2label).toEqual({ 0: 'LABEL_0', 1: 'LABEL_1' });
    const named = facts('BertForSequenceClassification', { id2label: { 0: 'yes' } });
    expect(named).toMatchObject({ numLabels: 1, activation: 'sigmoid' });
    const tokens = { is_original_qwen3_reranker: true, classifier_from_token: ['no', 'yes'] };
    expect(facts('Qwen3ForSequenceClassification', tokens)).toMatchObject({
      numLabels: 1,
      usesSepToken: false,
    });
  });

  it('makes probabilities as the checkpoint says, and refuses what is not simulated', () => {
    const activation = (name: string) =>
      facts('BertForSequenceClassification', { sbert_ce_default_activation_function: name })
        .activation;
    expect(activation('torch.nn.modules.linear.Identity')).toBe('identity');
    expect(activation('torch.nn.modules.activation.Sigmoid')).toBe('softmax');
    expect(() => activation('os.system')).toThrow('restricted to torch.nn.modules');
    expect(() => activation('torch.nn.modules.activation.GELU')).toThrow('is not simulated');
  });

  it('refuses a task that the model has not', () => {
    expect(() => facts('BertModel', {}, { task: 'classify' })).toThrow(
      "Unsupported task: 'classify' Supported tasks: ('embed', 'token_embed')",
    );
  });
});
