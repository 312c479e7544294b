/** Utility calls as a version has them: their names and arguments are untyped on the wire. In the code they are 0.33.0's. */
import { createLoRAArguments } from './lora-argument.ts';
import type { LoRARequest, UtilityCall } from './request.ts';
import type { StructTable } from './struct-table.ts';

/**
 * What a frontend calls in place of a method that engine cores do not have yet.
 * Source: vllm/v1/engine/async_llm.py AsyncLLM.pause_generation (0.32.0).
 */
const INSTEAD: Readonly<Record<string, string>> = { pause_generation: 'pause_scheduler' };

/** A call as the version writes it, and one that it wrote as it is written here. */
export function createCallForms(lora: StructTable<LoRARequest>, absentCalls: readonly string[]) {
  const { toVersionsCall, fromVersionsCall } = createLoRAArguments(lora);
  return {
    toVersionsCall(call: UtilityCall): UtilityCall {
      const method = absentCalls.includes(call.method) ? INSTEAD[call.method] : undefined;
      return toVersionsCall(method === undefined ? call : { ...call, method });
    },
    fromVersionsCall,
  };
}
