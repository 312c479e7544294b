/**
 * From the flags of `serve` and `explain` to the planner's input: reads the model's files or the explicit layers, and
 * nothing else.
 */

import { isJsonObject } from '../../shared/json-object.ts';
import { inFile } from '../../shared/schema.ts';
import type { ModelOptions } from '../models/model-options.ts';
import { type ModelPlan, planModel, withExplicitLayers } from '../models/model-plan.ts';
import type { CapacityInput } from '../plan/capacity-input.ts';
import { parseCapacityInput } from './capacity-input.ts';
import { readJsonObject } from './json-file.ts';
import { readModelSource } from './model-source.ts';

/** Throws E_UNKNOWN_MODEL, E_UNKNOWN_GPU, E_BAD_FILE or E_BAD_FLAG. */
export function loadModelPlan(options: ModelOptions): ModelPlan {
  const plan = planModel(readModelSource(options), options);
  const { kvCacheSpecs } = options;
  return kvCacheSpecs === undefined
    ? plan
    : withExplicitLayers(plan, withFlags(readExplicitLayers(kvCacheSpecs), options));
}

/** `--kv-cache-specs FILE`: the `input` of a capacity case, or the whole case. */
function readExplicitLayers(path: string): CapacityInput {
  const record = readJsonObject(path);
  const file = `--kv-cache-specs ${path}`;
  return isJsonObject(record['input'])
    ? parseCapacityInput(record['input'], inFile(file, 'input'))
    : parseCapacityInput(record, inFile(file));
}

/** Flags for length and blocks win over the file. */
function withFlags(input: CapacityInput, options: ModelOptions): CapacityInput {
  const { config } = input;
  const { maxModelLen, numGpuBlocksOverride = config.numGpuBlocksOverride } = options;
  const isAuto = maxModelLen === -1;
  return {
    ...input,
    config: {
      ...config,
      maxModelLen: maxModelLen === undefined || isAuto ? config.maxModelLen : maxModelLen,
      autoFitMaxModelLen: isAuto || config.autoFitMaxModelLen,
      numGpuBlocksOverride,
    },
  };
}
