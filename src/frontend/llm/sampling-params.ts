/**
 * From a request to the sampling parameters that an engine gets: building them, and what tokenizer and generation
 * config add. Pure; the checks are in sampling-checks.ts.
 * Source: vllm/sampling_params.py SamplingParams (0.33.0). Leaves out: diffusion models.
 */
import { createSamplingParams } from '../../shared/protocol/defaults.ts';
import type { RequestOutputKind, SamplingParams } from '../../shared/protocol/request.ts';
import { pyRepr } from '../../shared/python/str.ts';
import type { Tokenizer } from '../../shared/tokenizer/tokenizer.ts';
import { validationError } from './errors.ts';
import { verifyArgs } from './sampling-checks.ts';

const SAMPLING_EPS = 1e-5;
export const MIN_TEMPERATURE = 1e-2;
const MAX_NUM_BAD_WORDS = 128;
/** Of all of them: tokenizing a megabyte would stop everything else for seconds. */
const MAX_BAD_WORD_CHARS = 100_000;

export interface RepetitionDetection {
  readonly max_pattern_size: number;
  readonly min_pattern_size: number;
  readonly min_count: number;
}

/** What SamplingParams.from_optional takes, as far as requests can set it. */
export interface SamplingFields {
  /** As it is sent. */
  readonly watermarking: boolean | null;
  readonly n: number | null;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly repetitionPenalty: number;
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly seed: number | bigint | null;
  readonly stop: string | readonly string[] | null;
  readonly stopTokenIds: readonly number[] | null;
  readonly badWords: readonly string[] | null;
  readonly thinkingTokenBudget: number | null;
  readonly includeStopStrInOutput: boolean;
  readonly ignoreEos: boolean;
  readonly maxTokens: number | null;
  readonly minTokens: number;
  readonly logprobs: number | null;
  readonly promptLogprobs: number | null;
  readonly logprobTokenIds: readonly number[] | null;
  readonly skipSpecialTokens: boolean;
  readonly spacesBetweenSpecialTokens: boolean;
  readonly outputKind: RequestOutputKind;
  readonly streamInterval: number | null;
  readonly structuredOutputs: unknown;
  readonly logitBias: Readonly<Record<string, number>> | null;
  readonly allowedTokenIds: readonly number[] | null;
  readonly extraArgs: Readonly<Record<string, unknown>> | null;
  readonly repetitionDetection: RepetitionDetection | null;
  readonly routedExpertsPromptStart: number;
}

/** Fields that the input processor fills later; a mutable copy of the parameters is its own. */
export type MutableSamplingParams = {
  -readonly [Key in keyof SamplingParams]: SamplingParams[Key];
};

/** from_optional and __post_init__. Throws ApiError. `maxNumSequences` is VLLM_MAX_N_SEQUENCES. */
export function buildSamplingParams(
  fields: SamplingFields,
  maxNumSequences: number,
): MutableSamplingParams {
  const logitBias = fields.logitBias === null ? null : toLogitBias(fields.logitBias);
  const stop =
    fields.stop === null ? [] : typeof fields.stop === 'string' ? [fields.stop] : fields.stop;
  const stopTokenIds = fields.stopTokenIds === null ? [] : unique(fields.stopTokenIds);
  const params = createSamplingParams() as MutableSamplingParams;
  params.n = fields.n ?? 1;
  params.presencePenalty = fields.presencePenalty;
  params.frequencyPenalty = fields.frequencyPenalty;
  params.repetitionPenalty = fields.repetitionPenalty;
  params.temperature =
    fields.temperature > 0 && fields.temperature < MIN_TEMPERATURE
      ? MIN_TEMPERATURE
      : fields.temperature;
  params.watermarking = fields.watermarking;
  params.topP = fields.topP;
  params.topK = fields.topK;
  params.minP = fields.minP;
  params.seed = fields.seed === -1 ? null : fields.seed;
  params.stop = stop;
  params.stopTokenIds = stopTokenIds;
  params.badWords = fields.badWords === null ? [] : unique(fields.badWords);
  params.thinkingTokenBudget = fields.thinkingTokenBudget;
  params.includeStopStrInOutput = fields.includeStopStrInOutput;
  params.ignoreEos = fields.ignoreEos;
  params.maxTokens = fields.maxTokens;
  params.minTokens = fields.minTokens;
  params.logprobs = fields.logprobs;
  params.promptLogprobs = fields.promptLogprobs;
  params.logprobTokenIds = fields.logprobTokenIds;
  params.skipSpecialTokens = fields.skipSpecialTokens;
  params.spacesBetweenSpecialTokens = fields.spacesBetweenSpecialTokens;
  params.outputKind = fields.outputKind;
  params.streamInterval = fields.streamInterval;
  params.skipClone = true;
  params.structuredOutputs = fields.structuredOutputs;
  params.logitBias = logitBias;
  params.allowedTokenIds = fields.allowedTokenIds;
  params.extraArgs = fields.extraArgs;
  params.repetitionDetection = toRepetitionDetection(fields.repetitionDetection);
  params.routedExpertsPromptStart = fields.routedExpertsPromptStart;
  if (stop.length > 0 && !fields.includeStopStrInOutput) {
    params.outputTextBufferLength = Math.max(...stop.map((text) => [...text].length)) - 1;
  }
  verifyArgs(params, maxNumSequences);
  if (params.temperature < SAMPLING_EPS) {
    params.topP = 1;
    params.topK = 0;
    params.minP = 0;
    if (params.n > 1) {
      throw validationError(`n must be 1 when using greedy sampling, got ${params.n}.`);
    }
  }
  params.allStopTokenIds = stopTokenIds;
  params.skipReadingPrefixCache = params.promptLogprobs !== null;
  return params;
}

function unique<T>(items: readonly T[]): readonly T[] {
  return items.length < 2 ? items : [...new Set(items)];
}

function toRepetitionDetection(value: RepetitionDetection | null) {
  if (value === null) return null;
  return {
    maxPatternSize: value.max_pattern_size,
    minPatternSize: value.min_pattern_size,
    minCount: value.min_count,
  };
}

function toLogitBias(bias: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const out: Record<string, number> = {};
  const invalid: string[] = [];
  for (const [token, value] of Object.entries(bias)) {
    const trimmed = token.trim();
    if (!/^[+-]?\d+(_\d+)*$/.test(trimmed)) invalid.push(token);
    else out[String(Number(trimmed.replaceAll('_', '')))] = Math.min(100, Math.max(-100, value));
  }
  if (invalid.length > 0) {
    throw validationError(
      `logit_bias contains key(s) that cannot be converted to integer token IDs: ${pyRepr(invalid)}`,
      { parameter: 'logit_bias', value: invalid },
    );
  }
  return out;
}

/** Tokenizes the bad words. Changes `params`. Source: SamplingParams.update_from_tokenizer. */
export function updateFromTokenizer(params: MutableSamplingParams, tokenizer: Tokenizer): void {
  const words = params.badWords ?? [];
  if (words.length === 0) return;
  const numChars = words.reduce((sum, word) => sum + word.length, 0);
  if (numChars > MAX_BAD_WORD_CHARS)
    throw validationError(
      `bad_words have ${numChars} characters; at most ${MAX_BAD_WORD_CHARS} can be tokenized.`,
      { parameter: 'bad_words', value: null },
    );
  const sequences: number[][] = [];
  for (const word of words) {
    for (const prefix of ['', ' ']) {
      const ids = tokenizer.encode(prefix + word.trimStart(), { addSpecialTokens: false });
      if (ids.length === 0) {
        if (prefix === '') {
          throw validationError('bad_words entries must tokenize to at least one token.', {
            parameter: 'bad_words',
            value: [...words],
          });
        }
        continue;
      }
      const last = sequences.at(-1);
      if (
        prefix === '' ||
        (last !== undefined && ids[0] !== last[0] && ids.length === last.length)
      ) {
        sequences.push([...ids]);
        if (sequences.length > MAX_NUM_BAD_WORDS) throw tooManyBadWords(sequences.length, words);
      }
    }
  }
  params.badWordsTokenIds = sequences;
}

function tooManyBadWords(count: number, words: readonly string[]): Error {
  return validationError(
    `Too many bad words after tokenization: ${count}. The max number is ${MAX_NUM_BAD_WORDS}.`,
    { parameter: 'bad_words', value: [...words] },
  );
}

/** Source: SamplingParams.update_from_generation_config. Changes `params`. */
export function updateFromGenerationConfig(
  params: MutableSamplingParams,
  generationEosTokenIds: readonly number[],
  eosTokenId: number | null,
): void {
  if (!params.ignoreEos) params.eosTokenId = eosTokenId;
  const all = new Set(params.allStopTokenIds ?? []);
  if (eosTokenId !== null) all.add(eosTokenId);
  const extra = generationEosTokenIds.filter((id) => id !== eosTokenId);
  if (extra.length > 0) {
    for (const id of extra) all.add(id);
    if (!params.ignoreEos) {
      params.stopTokenIds = [...new Set([...extra, ...(params.stopTokenIds ?? [])])].sort(
        (a, b) => a - b,
      );
    }
  }
  params.allStopTokenIds = [...all];
}
