import { sortedLabels } from './child.ts';
import { TOOL_CALL_PARSER_INVOCATIONS } from './definitions.ts';
import { Family } from './families.ts';

/**
 * `vllm:tool_call_parser_invocations_total` with all its children. `createdSeconds` is wall-clock time.
 * Source: vllm/parser/metrics.py init_parser_metrics (0.33.0).
 */
export function createToolParserFamily(servedModelName: string, createdSeconds: number): Family {
  const { name, help, modes, outcomes, requestTypes } = TOOL_CALL_PARSER_INVOCATIONS;
  const family = new Family({ type: 'counter', name, help });
  for (const mode of modes)
    for (const outcome of outcomes)
      for (const request_type of requestTypes) {
        const labels = { model_name: servedModelName, mode, outcome, request_type };
        family.child(sortedLabels(labels), createdSeconds);
      }
  return family;
}
