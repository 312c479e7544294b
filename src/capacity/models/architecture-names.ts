/** The names of vLLM's registry, for what is said of a model that is not planned. */
import { readFileSync } from 'node:fs';
import { ownFile } from '../../shared/own-files.ts';

/** architecture-names.json, which producers/architectures.py writes. */
export interface ArchitectureNames {
  /** The registry's names by kind. */
  readonly served: Readonly<Record<string, readonly string[]>>;
  /** The last version of vLLM that served an architecture. */
  readonly until: Readonly<Record<string, string>>;
  /** Where the plugin is that serves an architecture. */
  readonly plugins: Readonly<Record<string, string>>;
}

/** Reads them from disk: only drafts and models that fail ask. */
export function readArchitectureNames(): ArchitectureNames {
  const path = ownFile('capacity/models/architecture-names.json');
  return JSON.parse(readFileSync(path, 'utf8')) as ArchitectureNames;
}

/**
 * Whether it is one of vLLM's draft models. None is served alone: it reads the states of a target, or is part of its
 * checkpoint. Source: vllm/model_executor/models/registry.py _SPECULATIVE_DECODING_MODELS (0.33.0).
 */
export function isDraftArchitecture(
  architecture: string,
  names: ArchitectureNames = readArchitectureNames(),
): boolean {
  return names.served['draft']?.includes(architecture) === true;
}
