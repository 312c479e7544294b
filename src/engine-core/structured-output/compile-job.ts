/** What has to be worked out for one request, with all that bears on it: sent to where the tokenizer is. */

import { Prng } from '../../shared/prng.ts';
import { OUTPUT_FORM_KEY, type OutputForm } from '../../shared/protocol/output-form.ts';
import type { EngineCoreRequest } from '../../shared/protocol/request.ts';
import {
  type Constraint,
  constraintOf,
} from '../../shared/structured-output/structured-outputs.ts';
import { readOutputForm } from './read-output-form.ts';

/** Of the engine, as --structured-outputs-config and --seed say. */
export interface StructuredOutputSettings {
  readonly seed: number;
  readonly disableAnyWhitespace: boolean;
  /** What a model says when it has thought; null where no reasoning parser is set. */
  readonly reasoningEnd: string | null;
  readonly enableInReasoning: boolean;
}

export const DEFAULT_STRUCTURED_OUTPUT_SETTINGS: StructuredOutputSettings = Object.freeze({
  seed: 0,
  disableAnyWhitespace: false,
  reasoningEnd: null,
  enableInReasoning: false,
});

export interface CompileJob {
  readonly constraint: Constraint | null;
  /** Null where the request is constrained and nothing more. */
  readonly form: OutputForm | null;
  readonly seed: number;
  readonly isCompact: boolean;
  readonly maxTokens: number;
  readonly minTokens: number;
  /** Of the request; what ends it may be any of them. Eos first, where there is one. */
  readonly stopTokenIds: readonly number[];
  /** Of the prompt: a vocabulary that is smaller is not the frontend's. */
  readonly maxPromptTokenId: number;
  /** What is said before the constraint begins, after some free tokens; null for nothing. */
  readonly reasoning: Reasoning | null;
}

/** A thought that comes first. */
export interface Reasoning {
  /** What ends it. */
  readonly end: string;
  /** Null where the frontend knows that it has not ended; else the prompt, which may hold the end. */
  readonly promptTokenIds: readonly number[] | null;
}

/** Requests that sample without a seed, so far. */
export interface DrawCounter {
  count: number;
}

/**
 * Null for a request that is not constrained and not told what to say. Throws SyntaxError for a choice that is no JSON,
 * StructuredOutputError for a form that is none.
 */
export function compileJobOf(
  request: EngineCoreRequest,
  settings: StructuredOutputSettings,
  counter: DrawCounter,
): CompileJob | null {
  const params = request.samplingParams;
  if (params === null) return null;
  const { structuredOutputs, extraArgs } = params;
  if (structuredOutputs === null && extraArgs === null) return null;
  const constraint = structuredOutputs === null ? null : constraintOf(structuredOutputs);
  const form = readOutputForm(extraArgs?.[OUTPUT_FORM_KEY]);
  if (constraint === null && form === null) return null;
  const options = (structuredOutputs ?? {}) as Readonly<Record<string, unknown>>;
  return {
    constraint,
    form,
    seed: seedOf(request, settings.seed, counter),
    isCompact: settings.disableAnyWhitespace || options['disable_any_whitespace'] === true,
    maxTokens: params.maxTokens ?? 1,
    minTokens: params.minTokens,
    stopTokenIds: stopTokenIdsOf(params.eosTokenId, params.allStopTokenIds),
    maxPromptTokenId: (request.promptTokenIds ?? []).reduce((max, id) => Math.max(max, id), 0),
    reasoning: reasoningOf(request, settings),
  };
}

function stopTokenIdsOf(eosTokenId: number | null, all: readonly number[]): readonly number[] {
  return eosTokenId === null ? all : [eosTokenId, ...all.filter((id) => id !== eosTokenId)];
}

/** Source: StructuredOutputManager._get_constraint_bounds. */
function reasoningOf(
  { reasoningEnded, promptTokenIds }: EngineCoreRequest,
  { reasoningEnd, enableInReasoning }: StructuredOutputSettings,
): Reasoning | null {
  if (reasoningEnd === null || enableInReasoning || reasoningEnded === true) return null;
  return { end: reasoningEnd, promptTokenIds: reasoningEnded === null ? promptTokenIds : null };
}

/** The same for the same prompt and seed; each its own where a request samples without one. */
function seedOf(request: EngineCoreRequest, seed: number, counter: DrawCounter): number {
  let hash = seed >>> 0;
  const mix = (value: number): void => {
    hash = new Prng(hash ^ value).nextUint32();
  };
  for (const tokenId of request.promptTokenIds ?? []) mix(tokenId);
  const { seed: own = null, temperature = 0 } = request.samplingParams ?? {};
  if (own !== null) mix(Number(BigInt.asUintN(32, BigInt(own))));
  else if (temperature > 0) {
    counter.count += 1;
    mix(counter.count);
  }
  return hash;
}
