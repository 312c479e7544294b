/**
 * Checked bodies of the endpoints of pooling models.
 * Source: vllm/entrypoints/pooling/{base,embed,pooling,classify,scoring,token_embed}/protocol.py (0.33.0).
 */
import type { PyDict, PyValue } from '../../../shared/python/values.ts';
import type { ChatMessageParam } from '../chat/request.ts';

/** Of every request: how its prompts are tokenized, and what its engine requests carry. */
export interface PoolingBasicRequest {
  readonly model: string | null;
  /** Tokens to keep; -1 is as many as fit. */
  readonly truncate_prompt_tokens: number | null;
  readonly padding: 'max_length' | 'do_not_pad' | null;
  readonly truncation_side: 'left' | 'right' | null;
  readonly request_id: string | null;
  readonly priority: number | bigint;
  readonly mm_processor_kwargs: PyDict | null;
  readonly cache_salt: string | null;
  readonly use_activation: boolean | null;
}

export type PoolingInput =
  | string
  | readonly string[]
  | readonly number[]
  | readonly (readonly number[])[];

/** A request of texts or token ids. */
export interface TextInput {
  readonly input: PoolingInput;
  readonly add_special_tokens: boolean;
}

/** A request of one conversation; embeddings take a list of them too. */
export interface ChatInput {
  readonly messages: readonly ChatMessageParam[] | readonly (readonly ChatMessageParam[])[];
  readonly add_generation_prompt: boolean;
  readonly continue_final_message: boolean;
  readonly add_special_tokens: boolean;
  readonly chat_template: string | null;
  readonly chat_template_kwargs: PyDict | null;
  readonly media_io_kwargs: PyDict | null;
}

export type PromptsInput = TextInput | ChatInput;

export type EncodingFormat = 'float' | 'base64' | 'bytes' | 'bytes_only';
export type EmbedDType = 'float32' | 'float16' | 'bfloat16' | 'fp8_e4m3' | 'fp8_e5m2';

export interface Encoding {
  readonly encoding_format: EncodingFormat;
  readonly embed_dtype: EmbedDType;
  readonly endianness: 'native' | 'big' | 'little';
}

export type EmbeddingRequest = PoolingBasicRequest &
  Encoding &
  PromptsInput & { readonly dimensions: number | null };

export interface CohereEmbedContent {
  readonly type: 'text' | 'image_url';
  readonly text: string | null;
  readonly image_url: Readonly<Record<string, string>> | null;
}

/** One of the three inputs is there. */
export interface CohereEmbedRequest {
  readonly model: string | null;
  /** The name of a task instruction of the model. */
  readonly input_type: string | null;
  readonly texts: readonly string[] | null;
  /** Addresses of images. */
  readonly images: readonly string[] | null;
  readonly inputs: readonly { readonly content: readonly CohereEmbedContent[] }[] | null;
  readonly output_dimension: number | null;
  readonly embedding_types: readonly CohereEmbeddingType[] | null;
  readonly truncate: 'NONE' | 'START' | 'END';
  readonly max_tokens: number | null;
  readonly priority: number | bigint;
}

export type CohereEmbeddingType = 'float' | 'binary' | 'ubinary' | 'base64';

export type TokenEmbeddingRequest = PoolingBasicRequest &
  TextInput & { readonly late_chunking_params: PyDict | null };

/** `data` is for plugins alone. */
export type PoolingRequest = PoolingBasicRequest &
  Encoding &
  (
    | (PromptsInput & { readonly dimensions: number | null; readonly task: string | null })
    | { readonly data: PyValue; readonly task: string | null }
  );

export type ClassificationRequest = PoolingBasicRequest & PromptsInput;

export type ScoreInput = string | { readonly content: readonly PyValue[] };

interface ScoringRequest extends PoolingBasicRequest {
  /** Tokens; 0 is no limit. */
  readonly max_tokens_per_query: number;
  readonly max_tokens_per_doc: number;
  readonly instruction: string | null;
  readonly chat_template_kwargs: PyDict | null;
}

/** Each class has its own names for the two sides. */
export interface ScoreRequest extends ScoringRequest {
  readonly queries?: ScoreInput | readonly ScoreInput[];
  readonly documents?: ScoreInput | readonly ScoreInput[];
  readonly items?: ScoreInput | readonly ScoreInput[];
  readonly data_1?: ScoreInput | readonly ScoreInput[];
  readonly data_2?: ScoreInput | readonly ScoreInput[];
  readonly text_1?: ScoreInput | readonly ScoreInput[];
  readonly text_2?: ScoreInput | readonly ScoreInput[];
}

export interface RerankRequest extends ScoringRequest {
  readonly query: ScoreInput;
  readonly documents: ScoreInput | readonly ScoreInput[];
  readonly top_n: number;
}

export type AnyScoringRequest = ScoreRequest | RerankRequest;
