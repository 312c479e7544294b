/**
 * From the probabilities of labels to answers, as JSON. Pure.
 * Source: vllm/entrypoints/openai/decisions/adapters.py, question_types.py (0.33.0).
 */
import { compactDumps } from '../../../shared/python/json-compact.ts';
import { jsonFloat, jsonNullable, jsonString } from '../../../shared/python/json-text.ts';
import type { LabelRead } from '../label-reads.ts';
import type { Question } from './question.ts';
import type { DecisionQuestion } from './request.ts';

export interface Probabilities {
  /** Of each label among the labels. */
  readonly probs: readonly number[];
  /** Of all labels together, among the whole vocabulary. */
  readonly labelMass: number;
  readonly argmaxIsLabel: boolean;
}

export function probabilitiesOf(
  { logprobs, output }: LabelRead,
  labelIds: readonly number[],
): Probabilities {
  const top = Math.max(...logprobs);
  const weights = logprobs.map((value) => Math.exp(value - top));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const [first] = output.outputs[0]?.tokenIds ?? [];
  return {
    probs: weights.map((weight) => weight / total),
    labelMass: logprobs.reduce((sum, value) => sum + Math.exp(value), 0),
    argmaxIsLabel: first !== undefined && labelIds.includes(first),
  };
}

function argmax(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

const expected = (probs: readonly number[]) => probs.reduce((sum, p, i) => sum + i * p, 0);

/** An answer of /v1/decisions. */
export function decisionAnswer(question: DecisionQuestion, read: Probabilities): string {
  const { probs, labelMass } = read;
  const head = `{"type":"${question.type}","name":${jsonNullable(question.name)},`;
  if (question.type === 'predicate') return `${head}"probability":${jsonFloat(probs[1] ?? 0)}}`;
  const top = argmax(probs);
  const confidence = jsonFloat((probs[top] ?? 0) * labelMass);
  if (question.type === 'choice') {
    const shown = question.choices.map(
      ({ value }, i) =>
        `{"value":${compactDumps(value)},"probability":${jsonFloat(probs[i] ?? 0)}}`,
    );
    const chosen = compactDumps(question.choices[top]?.value ?? null);
    return `${head}"choice":${chosen},"probabilities":[${shown.join(',')}],"confidence":${confidence}}`;
  }
  const shown = question.levels.map(
    ({ label }, i) =>
      `{"value":${i},"label":${jsonString(label)},"probability":${jsonFloat(probs[i] ?? 0)}}`,
  );
  return `${head}"score":${jsonFloat(expected(probs))},"probabilities":[${shown.join(',')}],"confidence":${confidence}}`;
}

/** An answer of /v1/systemone. */
export function structuredAnswer({ kind, options }: Question, read: Probabilities): string {
  const { probs, labelMass } = read;
  const top = argmax(probs);
  const confidence = `"confidence":${jsonFloat((probs[top] ?? 0) * labelMass)}`;
  const byName = (names: readonly string[]) =>
    `"probabilities":{${names.map((name, i) => `${jsonString(name)}:${jsonFloat(probs[i] ?? 0)}`).join(',')}}`;
  if (kind === 'noul') {
    return `{"type":"noul","noul":${jsonFloat(probs[0] ?? 0)},${byName(['yes', 'no'])},${confidence}}`;
  }
  const names = options.map(({ name }) => name);
  if (kind === 'choice') {
    return `{"type":"choice","choice":${jsonString(names[top] ?? '')},${byName(names)},${confidence}}`;
  }
  const indices = names.map((_name, i) => String(i));
  const legend = names.map((name, i) => `"${i}":${jsonString(name)}`).join(',');
  return `{"type":"score","score":${jsonFloat(expected(probs))},"legend":{${legend}},${byName(indices)},${confidence}}`;
}
