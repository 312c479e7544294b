/**
 * The failures of the planner: vLLM's exception type and its words, so that a search for either finds both programs.
 */
import { StartupError } from '../../shared/errors.ts';
import type { PlanErrorType, PlanRuleError } from '../spec/rule-error.ts';

/** The step of the initialisation that failed, by the name of vLLM's function. */
export type PlanStage =
  | 'resolve_kv_cache_layout'
  | 'get_global_kv_cache_groups'
  | 'get_kv_cache_configs'
  | 'update_kv_cache_capacity'
  | 'validate_block_size'
  | 'resolve_kv_cache_block_sizes'
  | 'resolve_cache_hit_alignment_tokens';

/** What leaves the planner: the KV cache cannot be planned or does not fit (E_KV_CACHE, exit code 1). */
export class KVCachePlanError extends StartupError {
  /** Python's exception class. */
  readonly errorType: PlanErrorType;
  readonly stage: PlanStage;
  /** The planner's WARNING lines before it failed. */
  readonly warnings: readonly string[];

  constructor(cause: PlanRuleError, stage: PlanStage, warnings: readonly string[]) {
    super('E_KV_CACHE', cause.message, { cause });
    this.errorType = cause.errorType;
    this.stage = stage;
    this.warnings = warnings;
  }
}
