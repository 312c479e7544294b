/**
 * Settings that contradict one another, or that vLLM refuses for what is in them: one line each, in vLLM's key words.
 * Source: vllm/entrypoints/common/cli_args.py validate_parsed_serve_args, vllm/config/observability.py (0.33.0).
 */
import { ConfigError } from '../errors.ts';
import { checkCustomBuckets } from './custom-buckets.ts';
import { reasoningParserProblem, toolParserProblem } from './parser-names.ts';
import type { EngineArgs } from './registry.ts';
import { parseSpecAcceptance } from './spec-acceptance.ts';
import { readStructuredOutputsConfig } from './structured-outputs-config.ts';

/** Source: vllm/renderers ReasoningEffort. */
const REASONING_EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;

/** Throws E_BAD_FLAG. */
export function checkArgs(args: EngineArgs): void {
  if (args.enableLogOutputs && !args.enableLogRequests)
    throw bad('--enable-log-outputs requires --enable-log-requests');
  if (args.enablePerRequestMetrics && args.disableLogStats)
    throw bad(
      '--enable-per-request-metrics requires engine statistics logging; remove --disable-log-stats to enable per-request ' +
        'metrics.',
    );
  if (args.enableAutoToolChoice && args.toolCallParser === null)
    throw bad('--enable-auto-tool-choice requires --tool-call-parser');
  checkParsers(args);
  if (args.dataParallelBackend === 'ray')
    throw bad(
      '--data-parallel-backend ray: ranks are started by Ray there, and Ray is not simulated; take mp, and start ranks ' +
        'of other machines with --headless',
    );
  checkReasoningEffortMap(args.reasoningEffortMap);
  checkCustomBuckets(args.customHistogramBuckets);
  if (args.specAcceptance !== null) parseSpecAcceptance(args.specAcceptance);
  readStructuredOutputsConfig(args.structuredOutputsConfig);
}

/** An unknown tool parser is nobody's concern where no tool choice is taken. Source: validate_api_server_args. */
function checkParsers({ enableAutoToolChoice, toolCallParser, reasoningParser }: EngineArgs): void {
  const toolProblem =
    enableAutoToolChoice && toolCallParser !== null ? toolParserProblem(toolCallParser) : null;
  if (toolProblem !== null) throw bad(toolProblem);
  const reasoningProblem = reasoningParser ? reasoningParserProblem(reasoningParser) : null;
  if (reasoningProblem !== null) throw bad(reasoningProblem);
}

/** Source: validate_reasoning_effort_map. */
function checkReasoningEffortMap(map: EngineArgs['reasoningEffortMap']): void {
  if (map === null) return;
  if (Object.values(map).some((value) => typeof value !== 'string'))
    throw bad('--reasoning-effort-map must be a JSON object mapping reasoning efforts to strings.');
  const known: readonly string[] = REASONING_EFFORTS;
  const unknown = Object.keys(map).filter((effort) => !known.includes(effort));
  if (unknown.length > 0)
    throw bad(
      `--reasoning-effort-map has unknown efforts ${unknown.sort().join(', ')}; keys must be one of ${known.join(', ')}.`,
    );
}

function bad(message: string): ConfigError {
  return new ConfigError('E_BAD_FLAG', message);
}
