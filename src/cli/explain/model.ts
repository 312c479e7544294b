/**
 * `explain MODEL`: one explanation in words or JSON, or a table of several models, GPUs and lengths.
 */
import {
  type CapacityExplanation,
  explainCapacity,
} from '../../capacity/explain/explain-capacity.ts';
import type { ModelOptions } from '../../capacity/models/model-options.ts';
import type { CliIo } from '../cli-io.ts';
import { COLOUR_PALETTE, PLAIN_PALETTE } from '../text-layout.ts';
import { explanationLines } from './text.ts';

export interface ExplainModelArgs {
  /** One explanation for each: the first model alone, or a table. Never empty. */
  readonly variants: readonly ModelOptions[];
  readonly json: boolean;
  /** SVG file. */
  readonly plot?: string | undefined;
}

/** Exit code 1 where no plan succeeds, after saying vLLM's error. */
export async function explainModels(args: ExplainModelArgs, io: CliIo): Promise<number> {
  const explanations = args.variants.map((options) => explainCapacity(options));
  const [first, ...others] = explanations;
  if (first === undefined) return 0;
  const palette = io.colours ? COLOUR_PALETTE : PLAIN_PALETTE;
  if (args.json) {
    const json = others.length === 0 ? first : { schema_version: 1, explanations };
    io.stdout(`${JSON.stringify(json, null, 2)}\n`);
  } else if (others.length === 0) {
    io.stdout(`${explanationLines(first, palette).join('\n')}\n`);
  } else {
    const { comparisonLines } = await import('./table.ts');
    io.stdout(`${comparisonLines(explanations, palette).join('\n')}\n`);
  }
  if (args.plot !== undefined) {
    const { writePlot } = await import('./plot.ts');
    writePlot(args.plot, explanations);
  }
  if (explanations.some(({ plan }) => plan.ok)) return 0;
  sayFailure(first, io);
  return 1;
}

function sayFailure({ plan }: CapacityExplanation, io: CliIo): void {
  if (!plan.ok) io.stderr(`vllm-twin: ${plan.error_type}: ${plan.error}\n`);
}
