/** Values that a gauge of vLLM cannot have are no test of anything: bounds by the meaning of the name. Pure. */
import type { ParameterProblem } from './fault-spec.ts';

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly allowed: string;
}

const SHARE: Bounds = { min: 0, max: 1, allowed: 'from 0 to 1' };
const COUNT: Bounds = { min: 0, max: Number.POSITIVE_INFINITY, allowed: 'at least 0' };

function boundsOf(metric: string): Bounds {
  return metric.endsWith('_perc') || metric === 'vllm:engine_sleep_state' ? SHARE : COUNT;
}

/** The first value that the gauge cannot have. */
export function gaugeProblem(
  fault: string,
  metric: string,
  values: Readonly<Record<string, number>>,
): ParameterProblem | null {
  const { min, max, allowed } = boundsOf(metric);
  for (const [param, value] of Object.entries(values)) {
    if (value >= min && value <= max) continue;
    return {
      param,
      allowed: `a number ${allowed}`,
      message: `${fault}: ${param} is ${value}, and ${metric} is ${allowed}`,
    };
  }
  return null;
}

export function waveProblem(metric: string, min: number, max: number): ParameterProblem | null {
  if (max > min) return gaugeProblem('metrics.wave', metric, { min, max });
  return {
    param: 'max',
    allowed: `a number above min (${min})`,
    message: `metrics.wave: max is ${max}, which is not above min (${min})`,
  };
}
