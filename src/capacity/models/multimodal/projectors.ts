/** Connectors between an encoder and a language model that several architectures share. */

import { linear } from '../linear.ts';
import type { StageBuilder } from '../stage-builder.ts';

/** linear_1 and linear_2, split and quantized. Source: vllm/model_executor/models/llava.py LlavaMultiModalProjector. */
export function buildLlavaProjector(
  stage: StageBuilder,
  name: string,
  sizes: { readonly input: number; readonly output: number; readonly bias: boolean },
): void {
  const { input, output, bias } = sizes;
  stage.column(`${name}.linear_1`, input, output, { bias });
  stage.row(`${name}.linear_2`, output, output, { bias });
}

/** A chain of torch's linear layers: names, and widths between them. */
export function buildLinears(
  stage: StageBuilder,
  names: readonly string[],
  widths: readonly number[],
  bias = true,
): void {
  names.forEach((name, index) => {
    linear(stage, name, widths[index] ?? 0, widths[index + 1] ?? 0, { bias });
  });
}
