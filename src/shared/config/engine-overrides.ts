/** --engine-overrides: flags of single ranks, where engines of one command differ. */
import { ConfigError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json-object.ts';
import { flagName } from './field.ts';
import { FRONTEND_FIELDS } from './frontend-fields.ts';
import type { EngineArgs, FieldKey } from './registry.ts';
import { resolveArgs, settingsFromRecord } from './resolve-args.ts';

/** What a single engine cannot have to itself, besides the HTTP frontend's settings. */
const COMMON: readonly FieldKey[] = [
  'apiServerCount',
  'customHistogramBuckets',
  'dataParallelAddress',
  'dataParallelBackend',
  'dataParallelExternalLb',
  'dataParallelHybridLb',
  'dataParallelRank',
  'dataParallelRpcPort',
  'dataParallelSize',
  'dataParallelSizeLocal',
  'dataParallelStartRank',
  'dpMetrics',
  'engineOverrides',
  'engineReadyTimeout',
  'headless',
  'masterAddr',
  'masterPort',
  'nnodes',
  'nodeRank',
  'servedModelName',
];

/**
 * The arguments of one rank: the common ones, changed by --engine-overrides. Throws E_UNKNOWN_FLAG or E_BAD_FLAG with the
 * rank in the message.
 */
export function argsOfRank(args: EngineArgs, rank: number): EngineArgs {
  const overrides = args.engineOverrides?.[String(rank)];
  if (overrides === undefined) return args;
  const where = `--engine-overrides[${rank}]`;
  const { settings } = settingsFromRecord(asObject(overrides, rank), where);
  for (const [key, { origin }] of settings) {
    if (COMMON.includes(key) || key in FRONTEND_FIELDS)
      throw new ConfigError(
        'E_BAD_FLAG',
        `${origin}: is the same for all engines; give it as --${flagName(key)}`,
      );
  }
  return resolveArgs([settings], args);
}

/** Every rank that --engine-overrides names must be one of this command's. */
export function checkEngineOverrides(args: EngineArgs, dataParallelSize: number): void {
  for (const rank of Object.keys(args.engineOverrides ?? {})) {
    if (!/^\d+$/.test(rank) || Number(rank) >= dataParallelSize) {
      throw new ConfigError(
        'E_BAD_FLAG',
        `--engine-overrides: rank ${rank} is out of range [0, ${dataParallelSize}); name a rank of --data-parallel-size`,
      );
    }
    argsOfRank(args, Number(rank));
  }
}

function asObject(value: unknown, rank: number): JsonObject {
  if (isJsonObject(value)) return value;
  throw new ConfigError(
    'E_BAD_FLAG',
    `--engine-overrides[${rank}]: must be an object of flags, e.g. {"${rank}": {"gpu": "L4"}}`,
  );
}
