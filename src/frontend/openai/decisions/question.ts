/**
 * A question as a model reads it: options with a label each, of which the reply is one. Pure.
 * Source: vllm/entrypoints/openai/decisions/question_types.py (0.33.0).
 */
import { pyRepr, pyStr, pyStrRepr } from '../../../shared/python/str.ts';
import { isDict, type PyValue } from '../../../shared/python/values.ts';
import { badRequest } from '../../llm/errors.ts';

export interface Option {
  readonly name: string;
  readonly description: string | null;
}

export type QuestionKind = 'choice' | 'noul' | 'score';

export interface Question {
  readonly id: string;
  readonly kind: QuestionKind;
  readonly instructions: string;
  readonly options: readonly Option[];
  readonly labels: readonly string[];
}

export const LABELS: Readonly<Record<QuestionKind, readonly string[]>> = {
  choice: [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'],
  noul: ['yes', 'no'],
  score: [...'0123456789'],
};
const REPLY_INSTRUCTIONS: Readonly<Record<QuestionKind, string>> = {
  choice: 'Answer with the letter of one option only.',
  noul: 'Answer with yes or no only.',
  score: 'Answer with the number of one level only.',
};
export const MAX_OPTIONS = LABELS.choice.length;

/** The question in the prompt, after what it is about. */
export function questionText({ kind, instructions, options, labels }: Question): string {
  const lines = options.map(({ name, description }, i) => {
    const label = labels[i] ?? '';
    if (kind === 'noul') return description ? `${label}: ${description}` : label;
    return description ? `${label}: ${name} - ${description}` : `${label}: ${name}`;
  });
  const body = [...lines, REPLY_INSTRUCTIONS[kind]].join('\n');
  return instructions === '' ? body : `Question: ${instructions}\n${body}`;
}

/** Throws ApiError for what is no question. */
export function buildQuestion(
  id: string,
  { type, instructions, criteria }: { type: string; instructions: PyValue; criteria: PyValue },
): Question {
  if (id === '') throw badRequest('question ids must be non-empty');
  const kind = type as QuestionKind;
  if (!Object.hasOwn(LABELS, type)) {
    throw badRequest(
      `unknown question type ${pyStrRepr(type)}; supported: ${pyRepr(Object.keys(LABELS))}`,
    );
  }
  const options = parseOptions(id, kind, criteria);
  const fail = (words: string) => badRequest(`question ${pyStrRepr(id)}: ${words}`);
  if (new Set(options.map(({ name }) => name)).size < options.length)
    throw fail('duplicate option names');
  const limit = Math.min(MAX_OPTIONS, LABELS[kind].length);
  if (options.length > limit) throw fail(`at most ${limit} options for this model`);
  return {
    id,
    kind,
    instructions: instructions === null ? '' : pyStr(instructions),
    options,
    labels: LABELS[kind].slice(0, options.length),
  };
}

function parseOptions(id: string, kind: QuestionKind, criteria: PyValue): readonly Option[] {
  const fail = (words: string) => badRequest(`question ${pyStrRepr(id)}: ${words}`);
  const text = (value: PyValue | undefined) =>
    value === undefined || value === null ? null : pyStr(value);
  if (kind === 'choice') {
    if (!isDict(criteria) || Object.keys(criteria).length === 0)
      throw fail('choice criteria must map option names to a description or null');
    return Object.entries(criteria).map(([name, value]) => ({ name, description: text(value) }));
  }
  if (kind === 'score') {
    if (!Array.isArray(criteria) || criteria.length < 2)
      throw fail('score criteria must be an ordered list of levels');
    return (criteria as readonly PyValue[]).map((level) => ({
      name: pyStr(level),
      description: null,
    }));
  }
  const isRight =
    criteria === null ||
    (isDict(criteria) && Object.keys(criteria).every((key) => key === 'true' || key === 'false'));
  if (!isRight) throw fail('noul criteria must be an object with true and false');
  const sides = isDict(criteria) ? criteria : {};
  return [
    { name: 'yes', description: text(sides['true']) },
    { name: 'no', description: text(sides['false']) },
  ];
}
