/** Values that a gauge of vLLM cannot have are no test of anything: bounds by the meaning of the name. Pure. */
import type { ParameterProblem } from './fault-spec.ts';
import { ENGINE_GAUGES, type EngineGauge, type EngineGaugeName } from './gauges.ts';

/** What is wrong with a value of the gauge, or with the label that is to choose among its series. */
export function gaugeProblem(
  fault: string,
  { metric, label }: { readonly metric: EngineGaugeName; readonly label: string | null },
  values: Readonly<Record<string, number>>,
): ParameterProblem | null {
  const gauge: EngineGauge = ENGINE_GAUGES[metric];
  for (const [param, value] of Object.entries(values)) {
    const isWhole = !gauge.isWhole || Number.isInteger(value);
    if (isWhole && value >= gauge.min && value <= gauge.max) continue;
    const allowed = `a ${gauge.isWhole ? 'whole ' : ''}number from ${gauge.min} to ${gauge.max}`;
    return {
      param,
      allowed,
      message: `${fault}: ${param} is ${value}, and ${metric} is ${allowed}`,
    };
  }
  return label === null ? null : labelProblem(fault, metric, label);
}

function labelProblem(
  fault: string,
  metric: EngineGaugeName,
  label: string,
): ParameterProblem | null {
  const gauge: EngineGauge = ENGINE_GAUGES[metric];
  const known = gauge.label?.values.map((value) => `${gauge.label?.name}=${value}`) ?? [];
  if (known.includes(label)) return null;
  const allowed = known.length === 0 ? 'nothing' : `one of ${known.join(', ')}`;
  const has = known.length === 0 ? 'no label beyond its engine' : known.join(', ');
  return {
    param: 'label',
    allowed,
    message: `${fault}: label is '${label}', and ${metric} has ${has}`,
  };
}

export function waveProblem(
  gauge: { readonly metric: EngineGaugeName; readonly label: string | null },
  { min, max }: { readonly min: number; readonly max: number },
): ParameterProblem | null {
  if (max > min) return gaugeProblem('metrics.wave', gauge, { min, max });
  return {
    param: 'max',
    allowed: `a number above min (${min})`,
    message: `metrics.wave: max is ${max}, which is not above min (${min})`,
  };
}
