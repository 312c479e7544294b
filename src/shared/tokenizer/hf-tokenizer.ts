/**
 * A Hugging Face tokenizer: encoding by the tokenizers package, decoding byte-exact here for byte-level vocabularies
 * (nearly all of today's), by the package for others. The one door to @huggingface/tokenizers.
 */
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { ClientError } from '../errors.ts';
import { isWellFormed } from '../python/surrogates.ts';
import { byteLevelAlphabet, tokenBytes } from './byte-level.ts';
import { BytePairEncoding, type MergePairs } from './byte-pair-encoding.ts';
import {
  ByteDecodeStream,
  TextDecodeStream,
  type TokenPiece,
  tokenPiece,
} from './decode-stream.ts';
import { knownId, wholeWordIds } from './stand-in-ids.ts';
import type { DecodeStream, DecodeStreamOptions, Tokenizer } from './tokenizer.ts';

/** Parsed tokenizer.json and tokenizer_config.json. */
export interface TokenizerFiles {
  readonly tokenizer: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
  /** From chat_template.jinja, where the folder has one. */
  readonly chatTemplate: string | null;
}

interface AddedTokenJson {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

/** Texts of at most this many characters are remembered: prompts of a load test repeat. */
const CACHED_TEXT_LENGTH = 256;
const CACHE_SIZE = 512;
const SPECIAL_TOKEN_NAMES = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const;

const lossyUtf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** What the tokenizers library says of a text with a lone surrogate. */
const ILL_FORMED =
  'TextEncodeInput must be Union[TextInputSequence, Tuple[InputSequence, InputSequence]]';

export class HfTokenizer implements Tokenizer {
  readonly eosTokenId: number | null;
  readonly bosTokenId: number | null;
  readonly padTokenId: number | null;
  readonly maxTokenId: number;
  readonly maxCharsPerToken: number;
  /** vLLM's choice for every tokenizer, whatever its own files say. */
  readonly truncationSide = 'left';
  readonly chatTemplate: string | null;
  readonly specialTokens: Readonly<Record<string, string>>;
  readonly #inner: HuggingFaceTokenizer;
  /** Index is the id; the vocabulary's spelling. */
  readonly #tokens: (string | undefined)[] = [];
  /** Index is the id; null where the decoder is not byte-level. */
  readonly #pieces: (TokenPiece | undefined)[] | null;
  readonly #alphabet: ReadonlyMap<string, number>;
  readonly #specialIds = new Set<number>();
  readonly #addedTokens = new Map<number, string>();
  /** Spell ids beyond the vocabulary; empty: those decode to nothing. */
  readonly #standIns: readonly number[];
  readonly #encodeCache = new Map<string, readonly number[]>();

  /** `standsIn`: for a model with a larger vocabulary, whose further ids are spelled by words of this one. */
  constructor({ tokenizer, config, chatTemplate }: TokenizerFiles, standsIn = false) {
    this.#inner = new HuggingFaceTokenizer(tokenizer, { ...config });
    splitLongWordsHere(this.#inner.model);
    let maxChars = 0;
    for (const [token, id] of this.#inner.get_vocab(true)) {
      this.#tokens[id] = token;
      const length = [...token].length;
      if (length > maxChars) maxChars = length;
    }
    for (const { id, content, special } of (tokenizer['added_tokens'] ?? []) as AddedTokenJson[]) {
      this.#tokens[id] = content;
      this.#addedTokens.set(id, content);
      if (special) this.#specialIds.add(id);
      maxChars = Math.max(maxChars, [...content].length);
    }
    this.maxTokenId = this.#tokens.length - 1;
    this.#standIns = standsIn ? wholeWordIds(this.#tokens) : [];
    this.maxCharsPerToken = maxChars;
    this.#alphabet = byteLevelAlphabet();
    this.#pieces = isByteLevel(tokenizer['decoder']) ? [] : null;
    this.specialTokens = readSpecialTokens(config);
    this.eosTokenId = this.#specialTokenId('eos_token');
    this.bosTokenId = this.#specialTokenId('bos_token');
    this.padTokenId = this.#specialTokenId('pad_token');
    for (const content of Object.values(this.specialTokens)) {
      const id = this.#inner.token_to_id(content);
      if (id !== undefined) this.#specialIds.add(id);
    }
    this.chatTemplate = chatTemplate ?? readChatTemplate(config['chat_template']);
  }

  #specialTokenId(name: string): number | null {
    const content = this.specialTokens[name];
    return content === undefined ? null : (this.#inner.token_to_id(content) ?? null);
  }

  encode(
    text: string,
    { addSpecialTokens }: { readonly addSpecialTokens: boolean },
  ): readonly number[] {
    if (!isWellFormed(text)) throw new ClientError('E_BAD_REQUEST', ILL_FORMED);
    if (text.length > CACHED_TEXT_LENGTH) return this.#encode(text, addSpecialTokens);
    const key = addSpecialTokens ? text : `\0${text}`;
    let ids = this.#encodeCache.get(key);
    if (ids === undefined) {
      ids = this.#encode(text, addSpecialTokens);
      if (this.#encodeCache.size >= CACHE_SIZE) this.#encodeCache.clear();
      this.#encodeCache.set(key, ids);
    }
    return ids;
  }

  encodePair(text: string, pair: string): readonly number[] {
    if (!isWellFormed(text) || !isWellFormed(pair))
      throw new ClientError('E_BAD_REQUEST', ILL_FORMED);
    return this.#inner.encode(text, { text_pair: pair, add_special_tokens: true }).ids;
  }

  #encode(text: string, addSpecialTokens: boolean): readonly number[] {
    if (text === '') return addSpecialTokens ? this.#inner.encode('').ids : [];
    return this.#inner.encode(text, { add_special_tokens: addSpecialTokens }).ids;
  }

  decode(
    ids: readonly number[],
    { skipSpecialTokens }: { readonly skipSpecialTokens: boolean },
  ): string {
    if (this.#pieces === null) {
      const known = ids.filter(
        (id) => this.#tokens[id] !== undefined && !(skipSpecialTokens && this.#specialIds.has(id)),
      );
      return known.length === 0
        ? ''
        : this.#inner.decode(known, { skip_special_tokens: skipSpecialTokens });
    }
    const pieces: Uint8Array[] = [];
    for (const id of ids) {
      const piece = this.#pieceOf(id, skipSpecialTokens);
      if (piece !== null) pieces.push(piece.bytes);
    }
    return lossyUtf8.decode(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces));
  }

  /** What a token of a byte-level vocabulary adds; null where it adds nothing to the text. */
  #pieceOf(tokenId: number, skipSpecialTokens: boolean): TokenPiece | null {
    const id = knownId(tokenId, this.maxTokenId, this.#standIns);
    if (skipSpecialTokens && this.#specialIds.has(id)) return null;
    const table = this.#pieces;
    const token = this.#tokens[id];
    if (table === null || token === undefined) return null;
    let piece = table[id];
    if (piece === undefined) {
      piece = tokenPiece(tokenBytes(token, this.#alphabet));
      table[id] = piece;
    }
    return piece;
  }

  convertIdsToTokens(ids: readonly number[]): readonly (string | null)[] {
    return ids.map((id) => this.#tokens[knownId(id, this.maxTokenId, this.#standIns)] ?? null);
  }

  tokenToId(token: string): number | null {
    return this.#inner.token_to_id(token) ?? null;
  }

  get allSpecialTokens(): ReadonlyMap<string, number> {
    return new Map([...this.#specialIds].map((id) => [this.#tokens[id] ?? '', id]));
  }

  createDecodeStream(
    promptTokenIds: readonly number[],
    options: DecodeStreamOptions,
  ): DecodeStream {
    const { skipSpecialTokens } = options;
    if (this.#pieces !== null) {
      return new ByteDecodeStream(promptTokenIds, (id) => this.#pieceOf(id, skipSpecialTokens));
    }
    const isJoined = !skipSpecialTokens && !options.spacesBetweenSpecialTokens;
    return new TextDecodeStream(
      promptTokenIds,
      (ids) => this.decode(ids, { skipSpecialTokens }),
      isJoined ? this.#addedTokens : new Map(),
    );
  }
}

/** Of the package's BPE model what is used and replaced here. Source: its src/core/tokenizerModelImplementations/BPE.ts. */
interface BpeModel {
  readonly merges: MergePairs;
  readonly end_of_word_suffix?: string | null;
  readonly continuing_subword_suffix?: string | null;
  bpe(word: string): string[];
}

/** The package keeps the pieces of words up to this length: those it splits itself. */
const MAX_KEPT_WORD_LENGTH = 255;

/** The package's splitting takes seconds for a word of a megabyte; ours gives the same pieces. */
function splitLongWordsHere(model: unknown): void {
  if (!isPlainBpe(model)) return;
  const splitShort = model.bpe.bind(model);
  let encoding: BytePairEncoding | null = null;
  model.bpe = (word) => {
    if (word.length <= MAX_KEPT_WORD_LENGTH) return splitShort(word);
    encoding ??= new BytePairEncoding(model.merges);
    return encoding.split(word);
  };
}

function isPlainBpe(model: unknown): model is BpeModel {
  // A model of the package is a function with members.
  if (typeof model !== 'function') return false;
  const {
    bpe,
    merges,
    end_of_word_suffix: end,
    continuing_subword_suffix: inner,
  } = model as unknown as BpeModel;
  return typeof bpe === 'function' && Array.isArray(merges) && !end && !inner;
}

function isByteLevel(decoder: unknown): boolean {
  if (typeof decoder !== 'object' || decoder === null) return false;
  const { type, decoders } = decoder as { type?: unknown; decoders?: unknown };
  if (type === 'ByteLevel') return true;
  return (
    type === 'Sequence' &&
    Array.isArray(decoders) &&
    decoders.length === 1 &&
    isByteLevel(decoders[0])
  );
}

function readSpecialTokens(config: Readonly<Record<string, unknown>>): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const name of SPECIAL_TOKEN_NAMES) {
    const value = config[name];
    const content =
      typeof value === 'object' && value !== null
        ? (value as { content?: unknown }).content
        : value;
    if (typeof content === 'string') tokens[name] = content;
  }
  return tokens;
}

/** A text, or a list of named texts of which `default` counts. */
function readChatTemplate(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return null;
  const named = value as readonly { name?: unknown; template?: unknown }[];
  const entry = named.find(({ name }) => name === 'default') ?? named[0];
  return typeof entry?.template === 'string' ? entry.template : null;
}
