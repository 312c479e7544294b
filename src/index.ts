/**
 * The library: what `vllm-twin explain` computes and what `vllm-twin lint` finds, as calls.
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
export type { Finding, Severity } from './lint/finding.ts';
export { type LintAnswer, type LintOptions, lint } from './lint/lint.ts';
export { ConfigError } from './shared/errors.ts';
