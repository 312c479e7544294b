/**
 * `explain MODEL`: one explanation in words or JSON, or a table of several models, GPUs and lengths.
 */
import {
  type CapacityExplanation,
  explainCapacity,
} from '../../capacity/explain/explain-capacity.ts';
import {
  DEFAULT_GPU,
  DEFAULT_MODEL,
  type ModelOptions,
} from '../../capacity/models/model-options.ts';
import { ConfigError } from '../../shared/errors.ts';
import type { CliIo } from '../cli-io.ts';
import { COLOUR_PALETTE, type Palette, PLAIN_PALETTE, wrap } from '../text-layout.ts';
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
  const { explanations, refusals } = explainAll(args.variants);
  const [first] = explanations;
  if (first === undefined) return 0;
  const isAlone = args.variants.length === 1;
  const palette = io.colours ? COLOUR_PALETTE : PLAIN_PALETTE;
  if (args.json) {
    const json = isAlone ? first : { schema_version: 1, explanations, refused: refusals };
    io.stdout(`${JSON.stringify(json, null, 2)}\n`);
  } else if (isAlone) {
    io.stdout(`${explanationLines(first, palette).join('\n')}\n`);
  } else {
    const { comparisonLines } = await import('./table.ts');
    io.stdout(`${comparisonLines(explanations, palette).join('\n')}\n`);
    for (const line of refusalLines(refusals, palette)) io.stdout(`${line}\n`);
  }
  if (args.plot !== undefined) {
    const { writePlot } = await import('./plot.ts');
    writePlot(args.plot, explanations);
  }
  if (explanations.some(({ plan }) => plan.ok)) return 0;
  sayFailure(first, io);
  return 1;
}

/** A variant that vLLM refuses. */
interface Refusal {
  readonly model: string;
  readonly gpu: string;
  readonly tensor_parallel_size: number;
  readonly error: string;
}

/** One variant that vLLM refuses keeps no other from its row; throws where all are refused. */
function explainAll(variants: readonly ModelOptions[]): {
  explanations: CapacityExplanation[];
  refusals: Refusal[];
} {
  const explanations: CapacityExplanation[] = [];
  const refusals: Refusal[] = [];
  for (const options of variants) {
    try {
      explanations.push(explainCapacity(options));
    } catch (error) {
      // Not that there is nothing to compare with.
      const isRefusal =
        error instanceof ConfigError &&
        error.code === 'E_BAD_FLAG' &&
        options.plainWeights !== true;
      const isLast = refusals.length + 1 === variants.length;
      if (!isRefusal || isLast) throw error;
      refusals.push({
        model: options.model ?? DEFAULT_MODEL,
        gpu: options.gpu ?? DEFAULT_GPU,
        tensor_parallel_size: options.tensorParallelSize ?? 1,
        error: error.message,
      });
    }
  }
  return { explanations, refusals };
}

function refusalLines(refusals: readonly Refusal[], palette: Palette): string[] {
  return refusals.flatMap(({ model, gpu, tensor_parallel_size: size, error }) => [
    '',
    ...wrap(`${model} on ${size} × ${gpu} is refused: ${error}`).map(palette.warn),
  ]);
}

function sayFailure({ plan }: CapacityExplanation, io: CliIo): void {
  if (!plan.ok) io.stderr(`vllm-twin: ${plan.error_type}: ${plan.error}\n`);
}
