/** The checks of `vllm-twin conform engine`, in the order in which they run. */
import type { CheckSpec } from '../check.ts';
import type { EngineCheck } from './engine-check.ts';
import { HANDSHAKE_CHECKS } from './handshake-checks.ts';

export const ENGINE_CHECKS: readonly EngineCheck[] = [...HANDSHAKE_CHECKS];

export const ENGINE_CHECK_SPECS: readonly CheckSpec[] = ENGINE_CHECKS.map(({ spec }) => spec);
