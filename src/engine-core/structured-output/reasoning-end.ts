/** What a model writes when it has thought, by the reasoning parser that looks for it. Source: vllm/reasoning/*.py (0.33.0). */

const THINK_END = '</think>';

const ENDS: Readonly<Record<string, string>> = {
  cohere_command3: '<|END_THINKING|>',
  cohere_command4: '<|END_THINKING|>',
  gemma4: '<channel|>',
  mistral: '[/THINK]',
  openai_gptoss: '<|end|><|start|>assistant<|channel|>final<|message|>',
  seed_oss: '</seed:think>',
  step3p5: THINK_END,
};

/** Null where no parser is set: the grammar holds from the start. */
export function reasoningEndOf(parser: string): string | null {
  if (parser === '') return null;
  return ENDS[parser] ?? THINK_END;
}
