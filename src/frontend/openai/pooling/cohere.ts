/**
 * `/v2/embed`: Cohere's form of an embedding request, with the task instructions of the model.
 * Source: vllm/entrypoints/pooling/embed/{io_processor,serving,protocol}.py (0.33.0).
 */
import { pyStrRepr } from '../../../shared/python/str.ts';
import { badRequest } from '../../llm/errors.ts';
import type { PoolingOutput } from '../../llm/pooling-state.ts';
import type { ChatMessageParam } from '../chat/request.ts';
import type { ServingContext } from '../serving-context.ts';
import { json, numPromptTokens, type PoolingAnswer } from './answers.ts';
import { poolingOf } from './pool-prompts.ts';
import type {
  ChatInput,
  CohereEmbedContent,
  CohereEmbeddingType,
  CohereEmbedRequest,
  PoolingBasicRequest,
  TextInput,
} from './request.ts';
import { beginExchange, embedPrompts, notSupported, type PoolingCall } from './serving.ts';
import { elementsOf, jsonArray, jsonFloat64 } from './tensors.ts';

export async function createCohereEmbedding(
  context: ServingContext,
  request: CohereEmbedRequest,
  call: PoolingCall,
): Promise<PoolingAnswer> {
  if (poolingOf(context).task !== 'embed') throw notSupported('Embeddings');
  const plain = plainRequest(request);
  const exchange = beginExchange(context, plain, call, 'embd');
  const prefix = taskInstruction(context, request.input_type);
  const input = request.texts !== null ? textsInput(context, request.texts, prefix) : null;
  const outputs = await embedPrompts(
    exchange,
    { ...plain, ...truncation(request), ...(input ?? chatInput(conversations(request, prefix))) },
    request.output_dimension,
  );
  if (request.truncate === 'NONE') checkLengths(outputs, request.max_tokens);
  return answerOf(exchange.id, request, outputs);
}

/** The fields that all pooling requests have and this one leaves at their defaults. */
function plainRequest({ model, priority }: CohereEmbedRequest): PoolingBasicRequest {
  return {
    model,
    priority,
    truncate_prompt_tokens: null,
    padding: null,
    truncation_side: null,
    request_id: null,
    mm_processor_kwargs: null,
    cache_salt: null,
    use_activation: null,
  };
}

/** Source: _resolve_cohere_truncation. */
function truncation({
  truncate,
  max_tokens: kept,
}: CohereEmbedRequest): Pick<PoolingBasicRequest, 'truncate_prompt_tokens' | 'truncation_side'> {
  if (truncate === 'NONE') return { truncate_prompt_tokens: null, truncation_side: null };
  return {
    truncate_prompt_tokens: kept ?? -1,
    truncation_side: truncate === 'START' ? 'left' : null,
  };
}

/** What the model is told before the text; null without. Source: _validate_input_type, _get_task_instruction_prefix. */
function taskInstruction(context: ServingContext, inputType: string | null): string | null {
  if (inputType === null) return null;
  const { taskInstructions } = poolingOf(context);
  const unsupported = `Unsupported input_type ${pyStrRepr(inputType)}.`;
  if (taskInstructions === null)
    throw badRequest(`${unsupported} This model does not define any input_type task instructions.`);
  if (!Object.hasOwn(taskInstructions, inputType)) {
    const supported = Object.keys(taskInstructions).toSorted().join(', ');
    throw badRequest(`${unsupported} Supported values: ${supported}`);
  }
  return taskInstructions[inputType] || null;
}

/** A task's instruction is a system message where the model has a chat template, else it stands before each text. */
function textsInput(
  { renderer, tokenizer }: ServingContext,
  texts: readonly string[],
  prefix: string | null,
): TextInput | ChatInput {
  if (prefix !== null && (renderer.chatTemplate ?? tokenizer.chatTemplate) !== null)
    return chatInput(texts.map((text) => messagesOf([textContent(text)], prefix)));
  return { input: texts.map((text) => (prefix ?? '') + text), add_special_tokens: true };
}

function conversations(
  { images, inputs }: CohereEmbedRequest,
  prefix: string | null,
): ChatInput['messages'] {
  const contents =
    images?.map((url) => [{ type: 'image_url', text: null, image_url: { url } } as const]) ??
    inputs?.map(({ content }) => content) ??
    [];
  return contents.map((content) => messagesOf(content, prefix));
}

function textContent(text: string): CohereEmbedContent {
  return { type: 'text', text, image_url: null };
}

/** Source: _mixed_input_to_messages. */
function messagesOf(
  contents: readonly CohereEmbedContent[],
  prefix: string | null,
): readonly ChatMessageParam[] {
  const content = contents.map(({ type, text, image_url: image }) =>
    type === 'text' ? { type, text } : { type, image_url: { url: image?.['url'] ?? '' } },
  );
  const system = { role: 'system', content: [{ type: 'text', text: prefix }] };
  const messages = [...(prefix === null ? [] : [system]), { role: 'user', content }];
  return messages as unknown as readonly ChatMessageParam[];
}

function chatInput(messages: ChatInput['messages']): ChatInput {
  return {
    messages,
    add_generation_prompt: false,
    continue_final_message: false,
    add_special_tokens: false,
    chat_template: null,
    chat_template_kwargs: null,
    media_io_kwargs: null,
  };
}

/** Source: _check_cohere_max_tokens. */
function checkLengths(outputs: readonly PoolingOutput[], maxTokens: number | null): void {
  if (maxTokens === null) return;
  const long = outputs.find(({ promptTokenIds }) => promptTokenIds.length > maxTokens);
  if (long === undefined) return;
  throw badRequest(
    `Input of ${long.promptTokenIds.length} tokens exceeds max_tokens=${maxTokens} with truncate=NONE. Set truncate to END ` +
      'or START to allow truncation.',
  );
}

function answerOf(
  id: string,
  request: CohereEmbedRequest,
  outputs: readonly PoolingOutput[],
): PoolingAnswer {
  const total = numPromptTokens(outputs);
  const hasImages =
    request.images !== null ||
    request.inputs?.some(({ content }) => content.some(({ type }) => type === 'image_url'));
  const [text, image] = hasImages === true ? [0, total] : [total, 0];
  const texts = request.texts === null ? '' : `"texts":${JSON.stringify(request.texts)},`;
  return json(
    `{"id":${JSON.stringify(id)},"embeddings":{${typedEmbeddings(request.embedding_types, outputs)}},${texts}` +
      `"meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":${text},"image_tokens":${image}}},` +
      '"response_type":"embeddings_by_type"}',
  );
}

const TYPES: readonly CohereEmbeddingType[] = ['float', 'binary', 'ubinary', 'base64'];

/** In the order of the answer's fields, whatever order was asked for. Source: build_typed_embeddings. */
function typedEmbeddings(
  asked: readonly CohereEmbeddingType[] | null,
  outputs: readonly PoolingOutput[],
): string {
  const types = TYPES.filter((type) =>
    asked === null || asked.length === 0 ? type === 'float' : asked.includes(type),
  );
  return types
    .map((type) => `"${type}":[${outputs.map((output) => embeddingAs(type, output)).join(',')}]`)
    .join(',');
}

function embeddingAs(type: CohereEmbeddingType, { data }: PoolingOutput): string {
  if (type === 'float') return jsonArray(data, jsonFloat64);
  const elements = elementsOf(data);
  if (type === 'base64') return `"${Buffer.from(elements.buffer).toString('base64')}"`;
  return `[${packedBits(elements, type === 'binary' ? 128 : 0).join(',')}]`;
}

/** Eight signs a byte, the first one highest; one bit for what is not negative. Source: _pack_binary_embeddings. */
function packedBits(elements: Float32Array, offset: number): readonly number[] {
  if (elements.length % 8 !== 0)
    throw badRequest(
      `Embedding dimension must be a multiple of 8 for binary embedding types, but got ${elements.length}.`,
    );
  return Array.from({ length: elements.length / 8 }, (_, byte) => {
    const bits = elements.subarray(8 * byte, 8 * byte + 8);
    return bits.reduce((sum, element) => 2 * sum + (element >= 0 ? 1 : 0), 0) - offset;
  });
}
