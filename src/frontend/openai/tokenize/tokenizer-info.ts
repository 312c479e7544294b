/**
 * What a tokenizer says of itself: its tokenizer_config.json as the transformers library completes it, special tokens as
 * texts. Source: vllm/entrypoints/serve/tokenize/serving.py TokenizerInfo (0.33.0).
 */
import { isJsonObject, type JsonObject } from '../../../shared/json-object.ts';
import { readTokenizerFiles } from '../../../shared/tokenizer/load-tokenizer.ts';

/** Paths of the machine that serves, which are nobody's business. */
const HIDDEN_KEYS = ['vocab_file', 'merges_file', 'tokenizer_class'];

/** `name` is what the tokenizer is called by; `chatTemplate` is --chat-template, null without it. */
export async function readTokenizerInfo({
  folder,
  name,
  chatTemplate,
}: {
  readonly folder: string | null;
  readonly name: string;
  readonly chatTemplate: string | null;
}): Promise<JsonObject> {
  const files = readTokenizerFiles({ folder });
  const shown = Object.entries(files.config)
    .filter(([key]) => !HIDDEN_KEYS.includes(key))
    .map(([key, value]) => [key, withPlainTokens(value)] as const);
  const template = chatTemplate ?? files.chatTemplate;
  return {
    tokenizer_class: className(files.config['tokenizer_class']),
    ...Object.fromEntries(shown),
    truncation_side: 'left',
    name_or_path: name,
    is_local: folder !== null,
    local_files_only: false,
    added_tokens_decoder: addedTokens(files.tokenizer['added_tokens']),
    backend: 'tokenizers',
    ...(template === null ? {} : { chat_template: template }),
  };
}

/** The library has one class for the slow and the fast form, and vLLM's wrapper has its name with Cached before it. */
function className(value: unknown): string {
  const name = typeof value === 'string' ? value.replace(/Fast$/, '') : 'PreTrainedTokenizer';
  return `Cached${name === 'PreTrainedTokenizer' ? 'TokenizersBackend' : name}`;
}

/** A token with its traits becomes its text, wherever it stands. */
function withPlainTokens(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withPlainTokens);
  if (!isJsonObject(value)) return value;
  if (typeof value['content'] === 'string' && ('lstrip' in value || value['__type'] !== undefined))
    return value['content'];
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withPlainTokens(item)]),
  );
}

/** Texts by id. */
function addedTokens(tokens: unknown): JsonObject {
  const list = Array.isArray(tokens) ? tokens.filter(isJsonObject) : [];
  return Object.fromEntries(list.map(({ id, content }) => [String(id), content]));
}
