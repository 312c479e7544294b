import { sortedLabels } from './child.ts';
import { TOOL_CALL_PARSER_INVOCATIONS } from './definitions.ts';
import { Family } from './families.ts';

/** A tool parser looked at an output: at a whole one once, at a streamed one with each delta. */
export interface ToolParserInvocation {
  readonly isToolCalled: boolean;
  readonly isStreaming: boolean;
  readonly requestType: (typeof TOOL_CALL_PARSER_INVOCATIONS)['requestTypes'][number];
}

/**
 * `vllm:tool_call_parser_invocations_total` with all its children. `createdSeconds` is wall-clock time.
 * Source: vllm/parser/metrics.py init_parser_metrics, record_tool_parser_invocation (0.33.0).
 */
export class ToolParserMetrics {
  readonly family: Family<'counter'>;
  readonly #servedModelName: string;
  readonly #createdSeconds: number;

  constructor(servedModelName: string, createdSeconds: number) {
    const { name, help, modes, outcomes, requestTypes } = TOOL_CALL_PARSER_INVOCATIONS;
    this.#servedModelName = servedModelName;
    this.#createdSeconds = createdSeconds;
    this.family = new Family({ type: 'counter', name, help });
    for (const mode of modes)
      for (const outcome of outcomes)
        for (const requestType of requestTypes) this.#child(mode, outcome, requestType);
  }

  record({ isToolCalled, isStreaming, requestType }: ToolParserInvocation): void {
    const mode = isStreaming ? 'streaming' : 'non_streaming';
    this.#child(mode, isToolCalled ? 'tool_call' : 'no_tool_call', requestType).inc(1);
  }

  #child(mode: string, outcome: string, request_type: string) {
    const labels = { model_name: this.#servedModelName, mode, outcome, request_type };
    return this.family.child(sortedLabels(labels), this.#createdSeconds);
  }
}
