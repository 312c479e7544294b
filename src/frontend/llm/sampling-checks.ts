/**
 * The checks of sampling parameters, in vLLM's order and words: alone, and against the model. Pure.
 * Source: vllm/sampling_params.py SamplingParams._verify_args, verify (0.33.0). Leaves out: diffusion models;
 * structured outputs are verified in structured-outputs/.
 */
import type { SamplingParams } from '../../shared/protocol/request.ts';
import { pythonFloatRepr } from '../../shared/python/float.ts';
import { pyRepr } from '../../shared/python/str.ts';
import { PyFloat, type PyValue } from '../../shared/python/values.ts';
import { validationError } from './errors.ts';

const MAX_LOGPROB_TOKEN_IDS = 128;
/** Source: _SAMPLING_EPS. */
const SAMPLING_EPS = 1e-5;

const asFloat = (value: number): PyValue => new PyFloat(value);

/** SamplingParams._verify_args: of the parameters alone. Throws ApiError. `maxNumSequences` is VLLM_MAX_N_SEQUENCES. */
export function verifyArgs(params: SamplingParams, maxNumSequences: number): void {
  verifyNumSequences(params.n, 'n', maxNumSequences);
  if (params.extraArgs !== null) verifyExtraArgs(params.extraArgs);
  verifyPenalties(params);
  verifyTemperature(params.temperature);
  if (!(params.topP > 0 && params.topP <= 1)) {
    throw validationError(`top_p must be in (0, 1], got ${pythonFloatRepr(params.topP)}.`, {
      parameter: 'top_p',
      value: asFloat(params.topP),
    });
  }
  if (params.topK < -1) {
    throw validationError(`top_k must be 0 (disable), or at least 1, got ${params.topK}.`);
  }
  if (!(params.minP >= 0 && params.minP <= 1)) {
    throw validationError(`min_p must be in [0, 1], got ${pythonFloatRepr(params.minP)}.`);
  }
  verifyLengths(params);
  verifyLogprobCounts(params);
  if ((params.stop ?? []).some((text) => text === '')) {
    throw validationError('stop cannot contain an empty string.');
  }
  const badWords = params.badWords ?? [];
  if (badWords.some((word) => word === '')) {
    throw validationError(
      `bad_words cannot contain an empty string. Got bad_words=${pyRepr([...badWords])}`,
    );
  }
}

/** Throws ApiError. Source: vllm/sampling_params.py _verify_num_sequences. */
export function verifyNumSequences(n: number, name: string, max: number): void {
  if (n < 1) throw validationError(`${name} must be at least 1, got ${n}.`);
  if (n > max) {
    throw validationError(
      `${name} must be at most ${max}, got ${n}. To increase this limit, set the VLLM_MAX_N_SEQUENCES environment variable.`,
    );
  }
}

function verifyExtraArgs(extraArgs: Readonly<Record<string, unknown>>): void {
  const pending: unknown[] = [extraArgs];
  while (pending.length > 0) {
    const value = pending.pop();
    if (!fitsInto64Bits(value)) {
      throw validationError('extra_args integers must be between -2**63 and 2**64 - 1.', {
        parameter: 'extra_args',
      });
    }
    if (typeof value !== 'object' || value === null) continue;
    for (const item of Object.values(value)) pending.push(item);
  }
}

/** True for what is no integer. */
function fitsInto64Bits(value: unknown): boolean {
  if (typeof value === 'bigint') return value >= -(2n ** 63n) && value < 2n ** 64n;
  if (typeof value !== 'number' || !Number.isInteger(value)) return true;
  return value >= -(2 ** 63) && value < 2 ** 64;
}

function verifyPenalties(params: SamplingParams): void {
  const { presencePenalty, frequencyPenalty, repetitionPenalty } = params;
  if (!(presencePenalty >= -2 && presencePenalty <= 2)) {
    throw validationError(
      `presence_penalty must be in [-2, 2], got ${pythonFloatRepr(presencePenalty)}.`,
    );
  }
  if (!(frequencyPenalty >= -2 && frequencyPenalty <= 2)) {
    throw validationError(
      `frequency_penalty must be in [-2, 2], got ${pythonFloatRepr(frequencyPenalty)}.`,
    );
  }
  if (!Number.isFinite(repetitionPenalty)) {
    throw validationError(
      `repetition_penalty must be a finite number, got ${pythonFloatRepr(repetitionPenalty)}.`,
    );
  }
  if (repetitionPenalty <= 0) {
    throw validationError(
      `repetition_penalty must be greater than zero, got ${pythonFloatRepr(repetitionPenalty)}.`,
    );
  }
}

function verifyTemperature(temperature: number): void {
  if (temperature >= 0 && temperature <= 2) return;
  const fail = (rule: string) =>
    validationError(`temperature must be ${rule}, got ${pythonFloatRepr(temperature)}.`, {
      parameter: 'temperature',
      value: asFloat(temperature),
    });
  if (!Number.isFinite(temperature)) throw fail('a finite number');
  throw fail(temperature < 0 ? 'non-negative' : 'in [0, 2]');
}

function verifyLengths({ maxTokens, minTokens, streamInterval }: SamplingParams): void {
  if (maxTokens !== null && maxTokens < 1) {
    throw validationError(`max_tokens must be at least 1, got ${maxTokens}.`, {
      parameter: 'max_tokens',
      value: maxTokens,
    });
  }
  if (minTokens < 0) {
    throw validationError(`min_tokens must be greater than or equal to 0, got ${minTokens}.`);
  }
  if (maxTokens !== null && minTokens > maxTokens) {
    throw validationError(
      `min_tokens must be less than or equal to max_tokens=${maxTokens}, got ${minTokens}.`,
    );
  }
  if (streamInterval !== null && streamInterval < 1) {
    throw validationError(`stream_interval must be at least 1, got ${streamInterval}.`, {
      parameter: 'stream_interval',
      value: streamInterval,
    });
  }
}

function verifyLogprobCounts({ logprobs, promptLogprobs }: SamplingParams): void {
  if (logprobs !== null && logprobs !== -1 && logprobs < 0) {
    throw validationError(`logprobs must be non-negative or -1, got ${logprobs}.`, {
      parameter: 'logprobs',
      value: logprobs,
    });
  }
  if (promptLogprobs !== null && promptLogprobs !== -1 && promptLogprobs < 0) {
    throw validationError(`prompt_logprobs must be non-negative or -1, got ${promptLogprobs}.`, {
      parameter: 'prompt_logprobs',
      value: promptLogprobs,
    });
  }
}

/** SamplingParams.verify: against the model. Throws ApiError. */
export function verifyAgainstModel(
  params: SamplingParams,
  {
    vocabSize,
    maxLogprobs,
    hasSpeculation = false,
  }: { vocabSize: number; maxLogprobs: number; hasSpeculation?: boolean },
): void {
  verifyLogprobs(params, vocabSize, maxLogprobs === -1 ? vocabSize : maxLogprobs);
  const isOutside = (id: number) => id < 0 || id >= vocabSize;
  if (params.logitBias !== null) {
    const ids = Object.keys(params.logitBias).map(Number).filter(isOutside);
    if (ids.length > 0) throw outOfVocab(ids, 'logit_bias', vocabSize);
  }
  const stopIds = (params.stopTokenIds ?? []).filter(isOutside);
  if (stopIds.length > 0) throw outOfVocab(stopIds, 'stop_token_ids', vocabSize);
  const allowed = params.allowedTokenIds;
  if (allowed !== null) {
    if (allowed.length === 0) {
      throw validationError('allowed_token_ids is not None and empty!', {
        parameter: 'allowed_token_ids',
        value: [],
      });
    }
    const invalid = allowed.filter(isOutside);
    if (invalid.length > 0) {
      throw validationError('allowed_token_ids contains out-of-vocab token id!', {
        parameter: 'allowed_token_ids',
        value: invalid,
      });
    }
  }
  const hasBias = params.logitBias !== null && Object.keys(params.logitBias).length > 0;
  if (hasSpeculation && (params.minP > SAMPLING_EPS || hasBias)) {
    throw validationError(
      'The min_p and logit_bias sampling parameters are not yet supported with speculative decoding.',
    );
  }
}

function outOfVocab(ids: readonly number[], parameter: string, vocabSize: number): Error {
  return validationError(
    `token_id(s) ${pyRepr([...ids])} in ${parameter} contain out-of-vocab token ids. Vocabulary size: ${vocabSize}`,
    { parameter, value: [...ids] },
  );
}

function verifyLogprobs(params: SamplingParams, vocabSize: number, maxLogprobs: number): void {
  const { logprobs, logprobTokenIds, promptLogprobs } = params;
  if (logprobs) {
    const count = logprobs === -1 ? vocabSize : logprobs;
    if (count > maxLogprobs) {
      throw validationError(
        `Requested sample logprobs of ${count}, which is greater than max allowed: ${maxLogprobs}`,
        { parameter: 'logprobs', value: count },
      );
    }
  }
  if (logprobTokenIds !== null) verifyLogprobTokenIds(logprobTokenIds, logprobs, vocabSize);
  if (promptLogprobs) {
    const count = promptLogprobs === -1 ? vocabSize : promptLogprobs;
    if (count > maxLogprobs) {
      throw validationError(
        `Requested prompt logprobs of ${count}, which is greater than max allowed: ${maxLogprobs}`,
        { parameter: 'prompt_logprobs', value: count },
      );
    }
  }
}

function verifyLogprobTokenIds(
  ids: readonly number[],
  logprobs: number | null,
  vocabSize: number,
): void {
  if (ids.length > MAX_LOGPROB_TOKEN_IDS) {
    throw validationError(
      `Requested logprob_token_ids of length ${ids.length}, which is greater than max allowed: ${MAX_LOGPROB_TOKEN_IDS}`,
      { parameter: 'logprob_token_ids', value: ids.length },
    );
  }
  const invalid = ids.filter((id) => id < 0 || id >= vocabSize);
  if (invalid.length > 0) throw outOfVocab(invalid, 'logprob_token_ids', vocabSize);
  if (logprobs !== null && logprobs !== ids.length) {
    throw validationError(
      'When both logprobs and logprob_token_ids are set, logprobs must equal len(logprob_token_ids). ' +
        `Got logprobs=${logprobs}, len(logprob_token_ids)=${ids.length}.`,
      { parameter: 'logprob_token_ids', value: ids.length },
    );
  }
}
