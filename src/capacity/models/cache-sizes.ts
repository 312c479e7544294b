import type { BackendContext } from './attention/backend.ts';
import type { ResolvedModel } from './resolved-model.ts';
import type { RunConfig, StateShape } from './run-config.ts';

/** cache_config's sizes after update_block_size_for_backend. */
export interface CacheSizes {
  readonly blockSize: number;
  readonly mambaBlockSize: number;
  readonly mambaPagePadded: number | null;
  readonly skipPagePadded: number | null;
}

/** What does not change while the sizes are found. */
export interface SizingContext {
  readonly model: ResolvedModel;
  readonly run: RunConfig;
  readonly backends: BackendContext;
  /** cache_config.cache_dtype after the layers were built. */
  readonly cacheDtype: string;
  readonly state: StateShape | null;
  readonly prefixMatchUnit: number | null;
}
