/**
 * What the twin's model says where a request asks for more than words: a thought before the answer where reasoning is read
 * out of it, calls of tools that are forced, named in plain words, or drawn by `--tool-call-rate`. It goes to the engine
 * as an output form; an engine of vLLM does not look at it. Pure.
 */
import { Prng } from '../../../shared/prng.ts';
import { OUTPUT_FORM_KEY, type OutputForm } from '../../../shared/protocol/output-form.ts';
import { callForm, joined, namedForm, requiredForm } from '../parsing/call-forms.ts';
import type { OutputParsers } from '../parsing/output-parsers.ts';
import type { FunctionTool, ParserRequest } from '../parsing/types.ts';
import { toolsNamedIn } from './named-tools.ts';
import type { ChatCompletionRequest, ChatMessageParam } from './request.ts';

const MIN_THOUGHT_TOKENS = 8;
const THOUGHT_SPREAD = 25;

export interface AskedOutputOptions {
  readonly parsers: OutputParsers;
  readonly request: ChatCompletionRequest;
  readonly parserRequest: ParserRequest;
  readonly toolCallRate: number;
  readonly promptTokenIds: readonly number[];
  /** The prompt leaves the model to think first; null: it does not think. */
  readonly thought: { readonly isOpen: boolean } | null;
}

/** Null: the model says what it would. */
export function askedOutput(options: AskedOutputOptions): OutputForm | null {
  const { thought, parserRequest } = options;
  const prng = new Prng(seedOf(options));
  const calls = callsOf(options, prng);
  if (calls === null && (thought === null || parserRequest.hasConstraint)) return null;
  const answer = calls ?? wordsForm(options);
  return thought === null ? answer : joined([...thoughtForm(options, prng), ...answer]);
}

/** The key and value of a request's extra arguments. */
export function withForm(
  xargs: Readonly<Record<string, unknown>> | null,
  form: OutputForm,
): Readonly<Record<string, unknown>> {
  return { ...xargs, [OUTPUT_FORM_KEY]: form };
}

function seedOf({ promptTokenIds, request }: AskedOutputOptions): number {
  let hash = Number(BigInt.asUintN(32, BigInt(request.seed ?? 0)));
  for (const id of promptTokenIds) hash = (Math.imul(hash, 31) + id) >>> 0;
  return hash;
}

function thoughtForm({ parsers, thought, request }: AskedOutputOptions, prng: Prng): OutputForm {
  const marks = parsers.reasoningMarks;
  if (marks === null) return [];
  const budget = request.thinking_token_budget ?? -1;
  const drawn = MIN_THOUGHT_TOKENS + prng.nextBelow(THOUGHT_SPREAD);
  const free = budget >= 0 ? Math.min(drawn, budget) : drawn;
  const start = thought?.isOpen === true ? '' : marks.start;
  if (!marks.isApart) return [{ text: start }, { free }, { text: marks.end }];
  const opening = start === '' ? '' : `${start}\n`;
  return [{ text: opening }, { free }, { text: `\n${marks.end}\n\n` }];
}

function wordsForm({ parsers }: AskedOutputOptions): OutputForm {
  return [{ text: parsers.isHarmony ? '<|channel|>final<|message|>' : '' }, { free: null }];
}

/** Null: nothing is called. */
function callsOf(options: AskedOutputOptions, prng: Prng): OutputForm | null {
  const { parsers, parserRequest, toolCallRate } = options;
  const { tools, toolChoice, parallelToolCalls, numHistoryToolCalls } = parserRequest;
  const format = parsers.toolFormat;
  if (format === null || tools === null || tools.length === 0) return null;
  if (toolChoice === null || toolChoice === 'none') return null;
  const named = toolsNamedIn(options.request.messages, tools);
  const isForced = toolChoice !== 'auto';
  if (!isForced && parserRequest.hasConstraint) return null;
  const drawn = prng.nextFloat() < toolCallRate && !isAnswerOfTool(options.request.messages);
  if (!isForced && named.length === 0 && !drawn) return null;
  const chosen =
    typeof toolChoice === 'object' ? tools.filter(({ name }) => name === toolChoice.name) : named;
  const called = chosen.length > 0 ? chosen : [tools[prng.nextBelow(tools.length)] as FunctionTool];
  // A schema holds the array, or the arguments, of a forced call.
  if (isForced && parsers.readsForcedJson) {
    const [first] = called as [FunctionTool];
    return toolChoice === 'required' ? requiredForm(first) : namedForm(first);
  }
  const isSingle = parallelToolCalls === false || typeof toolChoice === 'object';
  return callForm(format, called, { isSingle, numBefore: numHistoryToolCalls });
}

/** A tool has answered: words come next. */
function isAnswerOfTool(messages: readonly ChatMessageParam[]): boolean {
  return messages.at(-1)?.['role'] === 'tool';
}
