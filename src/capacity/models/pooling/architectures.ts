/**
 * What vLLM's pooling classes say of themselves, by the architecture names of its registry: tasks of their poolers, how
 * they pool where nothing else is said, and their attention. Names that are not here are made pooling models by
 * adapters. Source: vllm/model_executor/models/registry.py, the classes' decorators and poolers (0.33.0).
 */
import type { PoolingTask } from '../../../shared/protocol/pooling.ts';

export type SequencePoolingType = 'CLS' | 'LAST' | 'MEAN';
export type TokenPoolingType = 'ALL' | 'STEP';

export interface PoolingArchitecture {
  /** Sorted, as the model runner tells them. */
  readonly tasks: readonly PoolingTask[];
  readonly seqPoolingType: SequencePoolingType;
  readonly tokPoolingType: TokenPoolingType;
  /** attn_type of the class: encoder_only where it says so itself. */
  readonly isEncoderOnly: boolean;
  /** The class puts hidden states out, and an adapter adds the pooler. */
  readonly isConverted: boolean;
  /** Settings of the pooler that the architecture sets where nobody else has. Source: models/config.py. */
  readonly poolerDefaults: Readonly<Record<string, unknown>>;
}

export const EMBED_TASKS: readonly PoolingTask[] = ['embed', 'token_embed'];
export const CLASSIFY_TASKS: readonly PoolingTask[] = ['classify', 'token_classify'];
const TOKEN_CLASSIFY: readonly PoolingTask[] = ['token_classify'];
const TOKEN_EMBED: readonly PoolingTask[] = ['token_embed'];

function architecture(
  tasks: readonly PoolingTask[],
  about: Partial<Omit<PoolingArchitecture, 'tasks'>> = {},
): PoolingArchitecture {
  return {
    tasks,
    seqPoolingType: 'LAST',
    tokPoolingType: 'ALL',
    isEncoderOnly: false,
    isConverted: false,
    poolerDefaults: {},
    ...about,
  };
}

const CLS = { seqPoolingType: 'CLS' } as const;
const ENCODER = { isEncoderOnly: true } as const;
const NO_ACTIVATION = { poolerDefaults: { use_activation: false } } as const;

const GROUPS: readonly (readonly [PoolingArchitecture, readonly string[]])[] = [
  [
    architecture(EMBED_TASKS, CLS),
    [
      'BertModel',
      'RobertaForMaskedLM',
      'RobertaModel',
      'XLMRobertaModel',
      'BertSpladeSparseEmbeddingModel',
      'SiglipModel',
      'TransformersEmbeddingModel',
      'TransformersMoEEmbeddingModel',
      'TransformersMultiModalEmbeddingModel',
    ],
  ],
  [
    architecture(EMBED_TASKS, { ...CLS, isConverted: true }),
    ['GteModel', 'GteNewModel', 'ModernBertModel', 'NomicBertModel'],
  ],
  [
    architecture(EMBED_TASKS),
    ['CLIPModel', 'JinaEmbeddingsV5Model', 'LlamaBidirectionalModel', 'LlamaNemotronVLModel'],
  ],
  [architecture(EMBED_TASKS, { seqPoolingType: 'MEAN' }), ['EmbeddingGemma2Model']],
  [architecture(['embed'], { ...CLS, ...ENCODER }), ['Lfm2BidirectionalModel']],
  [
    architecture(['embed', 'embed&token_classify', 'token_classify', 'token_embed'], CLS),
    ['BgeM3EmbeddingModel'],
  ],
  [architecture(TOKEN_CLASSIFY, ENCODER), ['BertForMaskedLM']],
  [
    architecture(CLASSIFY_TASKS, CLS),
    [
      'BertForSequenceClassification',
      'GteNewForSequenceClassification',
      'ModernBertForSequenceClassification',
      'RobertaForSequenceClassification',
      'TransformersForSequenceClassification',
      'TransformersMoEForSequenceClassification',
      'TransformersMultiModalForSequenceClassification',
      'XLMRobertaForSequenceClassification',
    ],
  ],
  [
    architecture(TOKEN_CLASSIFY, ENCODER),
    [
      'BertForTokenClassification',
      'ModernBertForTokenClassification',
      'OpenAIPrivacyFilterForTokenClassification',
      'RobertaForTokenClassification',
      'XLMRobertaForTokenClassification',
    ],
  ],
  [
    architecture(CLASSIFY_TASKS),
    [
      'D3ForSequenceClassification',
      'GPT2ForSequenceClassification',
      'LlamaBidirectionalForSequenceClassification',
      'LlamaNemotronVLForSequenceClassification',
    ],
  ],
  [architecture(CLASSIFY_TASKS, { poolerDefaults: { logit_mean: 2.65 } }), ['JinaVLForRanking']],
  [architecture(CLASSIFY_TASKS, NO_ACTIVATION), ['JambaForSequenceClassification']],
  [
    architecture(TOKEN_CLASSIFY),
    [
      'ClefFlashForJointSchema',
      'ClefOmniForJointSchema',
      'InternLM2ForRewardModel',
      'Qwen3ASRForcedAlignerForTokenClassification',
    ],
  ],
  [architecture(TOKEN_EMBED), ['JinaForRanking']],
  [architecture(TOKEN_CLASSIFY, NO_ACTIVATION), ['Qwen2ForRewardModel']],
  [
    architecture(TOKEN_CLASSIFY, {
      tokPoolingType: 'STEP',
      poolerDefaults: { step_tag_id: 151_651 },
    }),
    ['Qwen2ForProcessRewardModel'],
  ],
  [
    architecture(TOKEN_EMBED, CLS),
    [
      'HF_ColBERT',
      'ColBERTModernBertModel',
      'ColBERTJinaRobertaModel',
      'ColBERTLfm2Model',
      'ColModernVBertForRetrieval',
      'ColUltraVBertForRetrieval',
      'ColPaliForRetrieval',
      'ModernVBertModel',
      'ColQwen3',
      'OpsColQwen3Model',
      'ColQwen3_5',
      'Qwen3VLNemotronEmbedModel',
    ],
  ],
];

const BY_NAME: ReadonlyMap<string, PoolingArchitecture> = new Map(
  GROUPS.flatMap(([about, names]) => names.map((name) => [name, about] as const)),
);

/** Null for a name that vLLM has no pooling class for. */
export function poolingArchitecture(name: string): PoolingArchitecture | null {
  return BY_NAME.get(name) ?? null;
}
