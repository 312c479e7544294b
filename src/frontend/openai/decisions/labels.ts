/**
 * The token that each label is as the first of a reply, for models that decisions are served on.
 * Source: vllm/entrypoints/openai/decisions/strategies.py NextTokenStrategy, select_read_strategy (0.33.0). Leaves out:
 * architectures that read otherwise, or images.
 */
import type { Tokenizer } from '../../../shared/tokenizer/tokenizer.ts';
import type { OnlineRenderer } from '../renderer.ts';
import { readPrompt } from './prompt.ts';
import { LABELS } from './question.ts';

const ARCHITECTURES = [
  'Gemma4ForCausalLM',
  'Gemma4ForConditionalGeneration',
  'Gemma4UnifiedForConditionalGeneration',
  'Qwen3ForCausalLM',
  'Qwen3_5ForConditionalGeneration',
  'Qwen3_5MoeForConditionalGeneration',
];

export interface ReplyLabels {
  /** The end of every prompt, after its last special token. */
  readonly tail: readonly number[];
  readonly idOf: ReadonlyMap<string, number>;
}

export interface LabelsOf {
  readonly architecture: string | null;
  readonly tokenizer: Tokenizer;
  readonly renderer: OnlineRenderer;
}

/** Null where decisions cannot be served: another architecture, or labels that are no tokens of their own. */
export function replyLabels({ architecture, tokenizer, renderer }: LabelsOf): ReplyLabels | null {
  if (architecture === null || !ARCHITECTURES.includes(architecture)) return null;
  let prompt: ReturnType<OnlineRenderer['renderChat']>;
  try {
    prompt = readPrompt(
      renderer,
      { text: 'x', instructions: null, kwargs: null, maxModelLen: null },
      null,
    );
  } catch {
    return null;
  }
  if (prompt instanceof Promise) return null;
  const tail = promptTail(tokenizer, prompt.promptTokenIds);
  const text = tokenizer.decode(tail, { skipSpecialTokens: false });
  const idOf = new Map<string, number>();
  for (const labels of Object.values(LABELS)) {
    const seen = new Set<number>();
    for (const label of labels) {
      const ids = tokenizer.encode(text + label, { addSpecialTokens: false });
      const last = ids.at(-1);
      const isOwn = ids.length === tail.length + 1 && tail.every((id, i) => ids[i] === id);
      if (!isOwn || last === undefined || seen.has(last)) return null;
      seen.add(last);
      idOf.set(label, last);
    }
  }
  return { tail, idOf };
}

/** Special tokens have no text. */
function promptTail(tokenizer: Tokenizer, ids: readonly number[]): readonly number[] {
  const isSpecial = (id: number) =>
    tokenizer.decode([id], { skipSpecialTokens: true }) === '' &&
    tokenizer.decode([id], { skipSpecialTokens: false }) !== '';
  const start = ids.findLastIndex(isSpecial) + 1;
  return ids.slice(start);
}
