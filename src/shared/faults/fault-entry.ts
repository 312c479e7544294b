import type { FaultEntry } from './fault-api.ts';
import type { FaultSpec } from './fault-spec.ts';
import { parametersSchema } from './parameters-schema.ts';

/** A fault as the catalogue of the API shows it. */
export function faultEntry(spec: FaultSpec): FaultEntry {
  return {
    id: spec.id,
    group: spec.place,
    meaning: spec.meaning,
    in_vllm: spec.inVllm,
    takes_engine: spec.takesEngine,
    momentary: spec.isMomentary,
    ways: waysOf(spec),
    parameters: parametersSchema(spec.parameters),
    example: exampleOf(spec),
  };
}

export function waysOf({ place, isCarriedByRequests }: FaultSpec): FaultEntry['ways'] {
  return [
    ...(place === 'start-up' ? [] : (['api'] as const)),
    'file',
    ...(isCarriedByRequests === true ? (['request'] as const) : []),
  ];
}

/** `inject engine.slow factor=10 --engine 1 --for 30s`. */
export function exampleOf({ id, example, takesEngine, isMomentary }: FaultSpec): string {
  const words = Object.entries(example).map(([name, value]) => `${name}=${value}`);
  return [
    'inject',
    id,
    ...words,
    ...(takesEngine ? ['--engine 1'] : []),
    ...(isMomentary ? [] : ['--for 30s']),
  ].join(' ');
}
