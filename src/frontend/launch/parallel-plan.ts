/**
 * Which engines a frontend starts, waits for and talks to, derived once from the data-parallel flags. Pure: launch.ts
 * carries the plan out, cli/serve.ts asks it for the ranks of headless engines.
 * Source: vllm/engine/arg_utils.py create_engine_config, vllm/config/parallel.py, vllm/v1/engine/utils.py
 * launch_core_engines, vllm/entrypoints/cli/serve.py (0.33.0). Leaves out: Ray, several nodes, elastic EP, offline
 * mode.
 */
import { ConfigError } from '../../shared/errors.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import {
  type BalancingArgs,
  checkBalancingFlags,
  resolveApiServerCount,
} from './api-server-count.ts';

/** The data-parallel flags as given; null where a flag was not given. */
export interface ParallelArgs extends BalancingArgs {
  readonly dataParallelAddress: string | null;
  readonly dataParallelRpcPort: number | null;
}

/** Who spreads the requests over the ranks: this frontend, this frontend over its own ranks, or somebody in front. */
export type LoadBalancingMode = 'internal' | 'hybrid' | 'external';

/** One engine that the handshake waits for. */
export interface EngineToHandshake {
  readonly index: EngineIndex;
  /** Started by this frontend on its own machine. */
  readonly local: boolean;
}

export interface ParallelPlan {
  readonly mode: LoadBalancingMode;
  readonly dataParallelSize: number;
  readonly dataParallelSizeLocal: number;
  /** The first rank that this frontend owns. */
  readonly dataParallelRank: EngineIndex;
  /** Where the handshake and the tcp sockets are bound. */
  readonly dataParallelAddress: string;
  readonly dataParallelRpcPort: number;
  readonly apiServerCount: number;
  /** This frontend sends requests to its own engines only. */
  readonly localEnginesOnly: boolean;
  readonly enginesToHandshake: readonly EngineToHandshake[];
  /** The ranks that requests go to, ascending. */
  readonly engineRanksManaged: readonly EngineIndex[];
  /** The ranks that this frontend starts, ascending. */
  readonly engineRanksStarted: readonly EngineIndex[];
  /** All engines are this frontend's, so that their handshake runs over ipc. */
  readonly handshakeLocalOnly: boolean;
  /** All engines that this frontend talks to are on its machine, so that requests travel over ipc. */
  readonly clientLocalOnly: boolean;
  readonly remoteShouldBeHeadless: boolean;
  /** Engines also shake hands with the frontend of rank 0, over tcp. */
  readonly hasTwoHandshakes: boolean;
  readonly runsCoordinator: boolean;
  /** Ranks run in waves: data-parallel MoE. */
  readonly coordinatedDp: boolean;
}

export const DEFAULT_DATA_PARALLEL_ADDRESS = '127.0.0.1';
export const DEFAULT_DATA_PARALLEL_RPC_PORT = 29550;

interface ResolvedParallel {
  readonly mode: LoadBalancingMode;
  readonly sizeLocal: number;
  readonly rank: EngineIndex;
}

/** Throws E_BAD_FLAG with vLLM's words where flags contradict one another. */
export function createParallelPlan(args: ParallelArgs, isMoe: boolean): ParallelPlan {
  const size = args.dataParallelSize;
  const resolved = resolveParallel(args, isMoe);
  const { mode, sizeLocal } = resolved;
  // vLLM takes the rank of a single engine from elsewhere and so ignores the flag.
  const rank = size > 1 || sizeLocal === 0 ? resolved.rank : 0;
  checkResolved(size, { mode, sizeLocal, rank });
  const localEnginesOnly = mode !== 'internal';
  const ranksManaged = range(rank, localEnginesOnly ? sizeLocal : size);
  return Object.freeze({
    mode,
    dataParallelSize: size,
    dataParallelSizeLocal: sizeLocal,
    dataParallelRank: rank,
    dataParallelAddress: args.dataParallelAddress ?? DEFAULT_DATA_PARALLEL_ADDRESS,
    dataParallelRpcPort: args.dataParallelRpcPort ?? DEFAULT_DATA_PARALLEL_RPC_PORT,
    apiServerCount: resolveApiServerCount(args).count,
    localEnginesOnly,
    enginesToHandshake: getEnginesToHandshake({ size, sizeLocal, rank }),
    engineRanksManaged: ranksManaged,
    engineRanksStarted: range(rank, sizeLocal),
    handshakeLocalOnly: sizeLocal === size,
    clientLocalOnly: localEnginesOnly || sizeLocal === size,
    remoteShouldBeHeadless: !localEnginesOnly,
    hasTwoHandshakes: localEnginesOnly && rank > 0,
    runsCoordinator: size > 1 && (isMoe || mode !== 'external') && rank === 0,
    coordinatedDp: size > 1 && isMoe,
  });
}

function resolveParallel(args: ParallelArgs, isMoe: boolean): ResolvedParallel {
  const { headless } = args;
  checkBalancingFlags(args);
  if (headless && args.dataParallelHybridLb) {
    throw badFlag('data_parallel_hybrid_lb is not applicable in headless mode');
  }
  if (headless && args.dataParallelSizeLocal === 0) {
    throw badFlag('data_parallel_size_local must be > 0 in headless mode');
  }
  if (args.dataParallelExternalLb || args.dataParallelRank !== null) {
    return resolveExternal(args, isMoe);
  }
  if (args.dataParallelSizeLocal === null) {
    if (args.dataParallelHybridLb) {
      throw badFlag(
        'Invalid data-parallel launch options: `--data-parallel-hybrid-lb` requires `--data-parallel-size-local`. ' +
          'Set it to the number of data-parallel ranks on this node.',
      );
    }
    return { mode: 'internal', sizeLocal: args.dataParallelSize, rank: 0 };
  }
  const sizeLocal = args.dataParallelSizeLocal;
  const rank = args.dataParallelStartRank ?? 0;
  const wantsHybrid =
    args.dataParallelHybridLb || (args.dataParallelStartRank !== null && !headless);
  if (wantsHybrid && sizeLocal === 1) return { mode: 'external', sizeLocal, rank };
  const isHybrid = wantsHybrid && sizeLocal !== args.dataParallelSize;
  return { mode: isHybrid ? 'hybrid' : 'internal', sizeLocal, rank };
}

function resolveExternal(args: ParallelArgs, isMoe: boolean): ResolvedParallel {
  if (args.dataParallelSize > 1 && !isMoe) {
    throw badFlag(
      'Non-MoE models do not support external data parallel mode. For external load balancing, launch independent ' +
        'vLLM instances without --data-parallel-* arguments.',
    );
  }
  if (args.dataParallelRank === null) {
    throw badFlag(
      'Invalid data-parallel launch options: `--data-parallel-external-lb` requires a data-parallel rank. ' +
        'Set `--data-parallel-rank`.',
    );
  }
  if (args.dataParallelSizeLocal !== null && args.dataParallelSizeLocal !== 1) {
    throw badFlag(
      'Invalid data-parallel launch options: an external data-parallel rank requires `--data-parallel-size-local 1`; ' +
        `got ${args.dataParallelSizeLocal}. Set it to 1 or omit it.`,
    );
  }
  return { mode: 'external', sizeLocal: 1, rank: args.dataParallelRank };
}

/** Source: vllm/config/parallel.py ParallelConfig.__post_init__, _validate_parallel_config. */
function checkResolved(size: number, { mode, sizeLocal, rank }: ResolvedParallel): void {
  if (rank < 0 || rank >= size) {
    throw badFlag(`data_parallel_rank (${rank}) must be in the range [0, ${size})`);
  }
  if (sizeLocal > size) {
    throw badFlag(
      `data_parallel_size_local (${sizeLocal}) must be <= data_parallel_size (${size})`,
    );
  }
  if (size <= 1 && mode === 'external') {
    throw badFlag('data_parallel_external_lb can only be set when data_parallel_size > 1');
  }
  if (rank + sizeLocal > size) {
    throw badFlag(
      `--data-parallel-start-rank ${rank} with --data-parallel-size-local ${sizeLocal} needs rank ${rank + sizeLocal - 1}, ` +
        `but --data-parallel-size ${size} has ranks 0 to ${size - 1}.`,
    );
  }
}

/** Rank 0 shakes hands with every engine, a later rank with its own. */
function getEnginesToHandshake(of: {
  size: number;
  sizeLocal: number;
  rank: EngineIndex;
}): EngineToHandshake[] {
  if (of.rank > 0) return range(of.rank, of.sizeLocal).map((index) => ({ index, local: true }));
  return range(0, of.size).map((index) => ({ index, local: index < of.sizeLocal }));
}

function range(start: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start + i);
}

function badFlag(message: string): ConfigError {
  return new ConfigError('E_BAD_FLAG', message);
}
