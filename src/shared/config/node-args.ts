/**
 * --nnodes and --node-rank: which ranks of a command over several machines are this one's. What they say is written into the
 * data-parallel settings, so that nothing behind knows of machines.
 * Source: vllm/engine/arg_utils.py create_engine_config, vllm/config/parallel.py nnodes_within_dp (0.33.0).
 */
import { ConfigError } from '../errors.ts';
import type { EngineArgs } from './registry.ts';

export interface NodeArgs {
  readonly args: EngineArgs;
  /** This machine has only workers of a rank whose engine core is on another one. */
  readonly isWorkerNode: boolean;
}

/** Throws E_BAD_FLAG where the machines cannot share the ranks. */
export function resolveNodes(args: EngineArgs): NodeArgs {
  const { nnodes, nodeRank, dataParallelSize, headless } = args;
  if (nnodes === 1) return { args, isWorkerNode: false };
  const worldSizeOfRank = args.pipelineParallelSize * args.tensorParallelSize;
  const worldSize = dataParallelSize * worldSizeOfRank;
  if (worldSize % nnodes !== 0)
    throw invalid(
      `\`--nnodes ${nnodes}\` must evenly divide the total world size (${worldSize}). Adjust \`--nnodes\`, ` +
        '`--data-parallel-size`, `--pipeline-parallel-size`, or `--tensor-parallel-size`.',
    );
  if (nodeRank >= nnodes)
    throw invalid(
      `\`--node-rank\` must be between 0 and ${nnodes - 1}; got \`--node-rank ${nodeRank}\`. Set it to this node's ` +
        'zero-based index.',
    );
  const worldSizeOfNode = worldSize / nnodes;
  const rank = Math.floor((nodeRank * worldSizeOfNode) / worldSizeOfRank);
  if (isExternal(args)) return { args: withExternalRank(args, rank), isWorkerNode: false };
  const sizeLocal =
    args.dataParallelSizeLocal ?? Math.max(Math.floor(worldSizeOfNode / worldSizeOfRank), 1);
  const isWorkerNode = nodeRank % nodesWithinRank(args, sizeLocal) > 0;
  if (!headless && nodeRank > 0 && (isWorkerNode || !args.dataParallelHybridLb))
    throw invalid(
      `\`--node-rank ${nodeRank}\` has no frontend of its own: only node 0 has one. Add \`--headless\`.`,
    );
  const startRank = args.dataParallelStartRank ?? (rank > 0 ? rank : null);
  return {
    args: Object.freeze({
      ...args,
      dataParallelSizeLocal: sizeLocal,
      dataParallelStartRank: startRank,
    }),
    isWorkerNode,
  };
}

function isExternal({ dataParallelExternalLb, dataParallelRank }: EngineArgs): boolean {
  return dataParallelExternalLb || dataParallelRank !== null;
}

function withExternalRank(args: EngineArgs, rank: number): EngineArgs {
  if (args.dataParallelRank !== null || args.dataParallelSize === 1) return args;
  if (args.nnodes % args.dataParallelSize !== 0)
    throw invalid(
      '`--node-rank` cannot unambiguously identify external data-parallel ranks when `--nnodes` is not divisible by ' +
        '`--data-parallel-size`. Set a unique `--data-parallel-rank` for each external-LB process.',
    );
  return Object.freeze({ ...args, dataParallelRank: rank });
}

/** How many machines one rank lies on. */
function nodesWithinRank({ nnodes, dataParallelSize }: EngineArgs, sizeLocal: number): number {
  // No rank here at all: the frontend alone.
  if (sizeLocal === 0) return 1;
  const groups = Math.floor(dataParallelSize / sizeLocal);
  if (groups === 0 || nnodes % groups !== 0)
    throw new ConfigError(
      'E_BAD_FLAG',
      `Invalid data parallel configuration: nnodes (${nnodes}) must be divisible by the number of data parallel node ` +
        `groups (${groups} = data_parallel_size ${dataParallelSize} / data_parallel_size_local ${sizeLocal})`,
    );
  return nnodes / groups;
}

function invalid(message: string): ConfigError {
  return new ConfigError('E_BAD_FLAG', `Invalid data-parallel launch options: ${message}`);
}
