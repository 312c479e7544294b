/**
 * Does a job: writes the text, encodes it with the engine's tokenizer, and gives the plan. Where the tokenizer is; nothing
 * of it is loaded before a request needs it.
 */
import { Prng } from '../../shared/prng.ts';
import type { OutputSegment } from '../../shared/protocol/output-form.ts';
import { makeConstrainedText } from '../../shared/structured-output/constraint-text.ts';
import { Effort } from '../../shared/structured-output/effort.ts';
import { GrammarError } from '../../shared/structured-output/grammar.ts';
import {
  type Constraint,
  constraintOf,
} from '../../shared/structured-output/structured-outputs.ts';
import type { Tokenizer } from '../../shared/tokenizer/tokenizer.ts';
import type { CompileJob, Reasoning } from './compile-job.ts';
import { encodeExactly } from './encode-exactly.ts';
import { FREE_TOKEN, type OutputPlan } from './output-plan.ts';

/** No token of a vocabulary worth the name writes more in a constrained text. */
const MAX_CHARS_PER_TOKEN = 64;
/** Tokens of a thought before a constrained answer. */
const MIN_THOUGHT_TOKENS = 8;
const THOUGHT_SPREAD = 25;
/** Other texts that are tried for one that fits into max_tokens, or is as long as min_tokens. */
const MAX_LENGTH_TRIES = 8;

/** Throws GrammarError with words for the client. */
export function makePlan(job: CompileJob, tokenizer: Tokenizer): OutputPlan {
  checkVocabulary(job, tokenizer);
  const prng = new Prng(job.seed);
  const effort = new Effort();
  const tokenIds: number[] = [];
  let end: OutputPlan['end'] = 'stop';
  for (const segment of segmentsOf(job, prng, tokenizer)) {
    if (tokenIds.length >= job.maxTokens) break;
    if ('text' in segment) {
      const shown = segment.text.slice(0, (job.maxTokens - tokenIds.length) * MAX_CHARS_PER_TOKEN);
      append(tokenIds, tokenizer.encode(shown, { addSpecialTokens: false }));
    } else if ('free' in segment) {
      if (segment.free === null) end = 'free';
      else {
        const count = Math.min(segment.free, job.maxTokens - tokenIds.length);
        for (let i = 0; i < count; i += 1) tokenIds.push(FREE_TOKEN);
      }
    } else {
      const constraint = constraintOf(segment.structured);
      if (constraint !== null)
        append(
          tokenIds,
          constrainedTokens(job, constraint, { tokenizer, prng, effort, before: tokenIds.length }),
        );
    }
  }
  const stopTokenId = job.stopTokenIds[0] ?? tokenizer.eosTokenId ?? 0;
  return { tokenIds: tokenIds.slice(0, job.maxTokens), end, stopTokenId };
}

function segmentsOf(job: CompileJob, prng: Prng, tokenizer: Tokenizer): readonly OutputSegment[] {
  if (job.form !== null) return job.form;
  const { constraint, reasoning } = job;
  const answer: OutputSegment[] =
    constraint === null ? [] : [{ structured: structuredFormOf(constraint) }];
  if (reasoning === null || hasEnded(reasoning, tokenizer)) return answer;
  const thought = MIN_THOUGHT_TOKENS + prng.nextBelow(THOUGHT_SPREAD);
  return [{ free: thought }, { text: reasoning.end }, ...answer];
}

/** Whether the prompt holds the end of a thought, as templates write it that ask for none. */
function hasEnded({ end, promptTokenIds }: Reasoning, tokenizer: Tokenizer): boolean {
  if (promptTokenIds === null) return false;
  return tokenizer.decode(promptTokenIds, { skipSpecialTokens: false }).includes(end);
}

function structuredFormOf(constraint: Constraint) {
  switch (constraint.kind) {
    case 'json':
      return { json: constraint.schema };
    case 'json_object':
      return { json_object: true };
    case 'regex':
      return { regex: constraint.pattern };
    case 'choice':
      return { choice: constraint.texts };
    case 'grammar':
      return { grammar: constraint.grammar };
    case 'structural_tag':
      return { structural_tag: constraint.tag };
  }
}

interface TextParts {
  readonly tokenizer: Tokenizer;
  readonly prng: Prng;
  readonly effort: Effort;
  /** Tokens that come before it. */
  readonly before: number;
}

/** However many: a call takes so many arguments and no more. */
function append(tokenIds: number[], more: readonly number[]): void {
  for (const tokenId of more) tokenIds.push(tokenId);
}

/** The first text of a few whose length suits the request; where none does, the first: max_tokens cuts it. */
function constrainedTokens(
  job: CompileJob,
  constraint: Constraint,
  { tokenizer, prng, effort, before }: TextParts,
): readonly number[] {
  const room = job.maxTokens - before;
  const needed = job.form === null ? Math.min(job.minTokens - before, room) : 0;
  let first: readonly number[] | null = null;
  let longest: readonly number[] = [];
  for (let i = 0; i < MAX_LENGTH_TRIES; i += 1) {
    const text = makeConstrainedText(constraint, {
      seed: prng.nextUint32(),
      maxChars: room * MAX_CHARS_PER_TOKEN,
      isCompact: job.isCompact,
      effort,
      // Too long a text is written again with nothing that may be left out.
      isShortest: i > 0 && longest.length >= room,
      padding: i > 0 && longest.length < needed ? needed << i : 0,
    });
    const tokenIds = encodeExactly(text, tokenizer, constraint.kind === 'structural_tag');
    // With eos behind it.
    const fits = tokenIds.length < room && tokenIds.length >= needed;
    if (fits) return tokenIds;
    first ??= tokenIds;
    if (tokenIds.length > longest.length) longest = tokenIds;
  }
  return longest.length <= room ? longest : (first ?? []);
}

/** A request whose frontend writes with other ids would get nonsense. */
function checkVocabulary(job: CompileJob, tokenizer: Tokenizer): void {
  const { eosTokenId, maxTokenId } = tokenizer;
  if (job.maxPromptTokenId > maxTokenId)
    refuse(
      `the prompt has token id ${job.maxPromptTokenId}, and this engine's tokenizer ends at ${maxTokenId}`,
    );
  const hasEos = eosTokenId === null || job.stopTokenIds.length === 0;
  if (!hasEos && !job.stopTokenIds.includes(eosTokenId))
    refuse(
      `the request ends with token id ${job.stopTokenIds[0]}, and this engine's tokenizer with ${eosTokenId}`,
    );
}

function refuse(difference: string): never {
  throw new GrammarError(
    `the frontend's vocabulary is not that of this engine: ${difference}. Give the engine the tokenizer's folder (--tokenizer)`,
  );
}
