import type { StageBuilder } from './stage-builder.ts';

export interface LinearOptions {
  /** Default: there is one. */
  readonly bias?: boolean;
  /** Default: the model's. */
  readonly dtype?: string;
}

/** torch's nn.Linear: whole on every rank, never quantized. */
export function linear(
  stage: StageBuilder,
  name: string,
  input: number,
  output: number,
  { bias = true, dtype }: LinearOptions = {},
): void {
  stage.tensor(`${name}.weight`, [output, input], dtype);
  if (bias) stage.tensor(`${name}.bias`, [output], dtype);
}
