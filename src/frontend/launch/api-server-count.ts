/**
 * What of the data-parallel flags `serve` looks at before anything else: that they name one way of balancing, and how
 * many API servers there are. Pure. Source: vllm/entrypoints/cli/serve.py ServeSubcommand.cmd (0.33.0).
 */
import { StartupError } from '../../shared/errors.ts';

/** `--api-server-count auto`, as the registry hands it on. */
export const AUTO_API_SERVER_COUNT = -1;

/** The flags as given; null where one was not given. */
export interface BalancingArgs {
  readonly dataParallelSize: number;
  readonly dataParallelSizeLocal: number | null;
  readonly dataParallelRank: number | null;
  readonly dataParallelStartRank: number | null;
  readonly dataParallelHybridLb: boolean;
  readonly dataParallelExternalLb: boolean;
  readonly dataParallelMultiPortExternalLb: boolean;
  /** Null: 1, where vLLM takes what `auto` is here. */
  readonly apiServerCount: number | null;
  readonly headless: boolean;
}

export interface ApiServerCount {
  readonly count: number;
  /** What the log says of a count that nobody chose. */
  readonly note: string | null;
}

/** Throws E_CONFLICTING_FLAGS in vLLM's words, which ends with exit code 1 as there. */
export function checkBalancingFlags(args: BalancingArgs): void {
  const { apiServerCount: count } = args;
  if (args.headless && count !== null && count > 0) {
    throw conflict(
      `--api-server-count=${count} cannot be used with --headless (no API servers are started in headless mode).`,
    );
  }
  const { isExternal, isHybrid, isMultiPort } = modesOf(args);
  if ([isExternal, isHybrid, isMultiPort].filter(Boolean).length > 1) {
    throw conflict(
      'Cannot use more than one data parallel load balancing mode. Choose one of: ' +
        '--data-parallel-multi-port-external-lb, ' +
        '--data-parallel-external-lb (or --data-parallel-rank), ' +
        '--data-parallel-hybrid-lb (or --data-parallel-start-rank).',
    );
  }
}

export function resolveApiServerCount(args: BalancingArgs): ApiServerCount {
  if (args.headless) return { count: 0, note: null };
  if (args.apiServerCount === null) return { count: 1, note: null };
  if (args.apiServerCount !== AUTO_API_SERVER_COUNT)
    return { count: args.apiServerCount, note: null };
  const { isExternal, isHybrid, isMultiPort } = modesOf(args);
  if (isExternal || isMultiPort) return { count: 1, note: null };
  const count = isHybrid ? (args.dataParallelSizeLocal ?? 1) || 1 : args.dataParallelSize;
  if (count <= 1) return { count, note: null };
  const note = isHybrid
    ? `Defaulting api_server_count to data_parallel_size_local (${count}) for hybrid LB mode.`
    : `Defaulting api_server_count to data_parallel_size (${count}).`;
  return { count, note };
}

function modesOf(args: BalancingArgs) {
  const isMultiPort = args.dataParallelMultiPortExternalLb;
  return {
    isExternal: args.dataParallelExternalLb || args.dataParallelRank !== null,
    // With several ports a start rank says where this node's ranks begin.
    isHybrid: args.dataParallelHybridLb || (!isMultiPort && args.dataParallelStartRank !== null),
    isMultiPort,
  };
}

function conflict(message: string): StartupError {
  return new StartupError('E_CONFLICTING_FLAGS', message);
}
