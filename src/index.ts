/**
 * The library: what `vllm-twin explain` computes, as a call.
 */
export type {
  CapacityExplanation,
  ExplainedGpu,
  ExplainedMemory,
  ExplainedModel,
} from './explain-capacity.ts';
export { explainCapacity, explainInput } from './explain-capacity.ts';
export { ConfigError } from './shared/errors.ts';
export type { CapacityInputRecord } from './shared/models/capacity-input.ts';
export type { ModelOptions } from './shared/models/engine-options.ts';
