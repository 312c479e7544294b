/**
 * The library: what `vllm-twin explain` computes, as a call.
 */
export type {
  CapacityExplanation,
  ExplainedGpu,
  ExplainedMemory,
  ExplainedModel,
} from './capacity/explain/explain-capacity.ts';
export { explainCapacity, explainInput } from './capacity/explain/explain-capacity.ts';
export type { CapacityInputRecord } from './capacity/file/capacity-record.ts';
export type { ModelOptions } from './capacity/models/model-options.ts';
export { ConfigError } from './shared/errors.ts';
