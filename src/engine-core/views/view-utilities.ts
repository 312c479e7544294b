/** Our own utility methods, by name, with their parameters; what an engine of vLLM does not know. */
import type { EngineViewMethods } from '../../shared/twin-api/engine-views.ts';
import type { EngineViews } from './engine-views.ts';

export interface ViewUtility {
  readonly parameters: readonly string[];
  /** How many of them have no default. */
  readonly numRequired: number;
  readonly call: (views: EngineViews, args: readonly unknown[]) => unknown;
}

const METHODS: Readonly<Record<keyof EngineViewMethods, ViewUtility>> = {
  vllm_twin_about: view([], 0, (views) => views.about()),
  vllm_twin_frames: view(['since_seq'], 0, (views, [seq]) => views.frames(seq)),
  vllm_twin_blocks: view([], 0, (views) => views.blocks()),
  vllm_twin_block: view(['block_id'], 1, (views, [id]) => views.block(id)),
  vllm_twin_request: view(['request_id'], 1, (views, [id]) => views.request(id)),
  vllm_twin_steps: view(['since_step'], 0, (views, [step]) => views.steps(step)),
  vllm_twin_explain: view([], 0, (views) => views.explain()),
  vllm_twin_clock: view(['change'], 1, (views, [change]) => views.clock(change)),
  vllm_twin_inject: view(['injection'], 1, (views, [injection]) => views.inject(injection)),
  vllm_twin_clear: view(['handle'], 1, (views, [handle]) => views.clear(handle)),
};

function view(
  parameters: readonly string[],
  numRequired: number,
  call: ViewUtility['call'],
): ViewUtility {
  return { parameters, numRequired, call };
}

export const VIEW_UTILITIES: ReadonlyMap<string, ViewUtility> = new Map(Object.entries(METHODS));
