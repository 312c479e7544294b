/**
 * The engine's methods that a client may call by name, with vLLM's names, arguments and answers.
 * Source: vllm/v1/engine/core.py EngineCore, EngineCoreProc (0.33.0). Leaves out: weight transfer, elastic EP.
 */
import { isJsonObject } from '../shared/json-object.ts';
import { OWN_METHOD_PREFIX } from '../shared/tap/own-calls.ts';
import type { EngineCoreParts } from './engine-core-parts.ts';
import { toLoRARequest } from './lora-argument.ts';
import { PendingResult } from './pending-result.ts';
import { PauseState } from './scheduler/scheduler-state.ts';
import { UtilityError } from './utility-error.ts';
import type { EngineViews } from './views/engine-views.ts';
import { VIEW_UTILITIES } from './views/view-utilities.ts';

/** What the utilities ask of the engine core and change of it. */
interface UtilityTarget {
  rejectNewRequests: boolean;
  weightVersion: string;
  readonly views: EngineViews | null;
  pauseComplete(): boolean;
  resumeScheduler(answer: unknown): unknown;
}

/** What the utilities see of the engine. */
export interface UtilityHost extends EngineCoreParts {
  readonly core: UtilityTarget;
  abortAll(): void;
  hasBatches(): boolean;
  /** Runs the callback when the engine next has no work. */
  whenIdle(callback: () => void): void;
}

interface Utility {
  /** vLLM's parameter names, in order. */
  readonly parameters: readonly string[];
  /** How many of them have no default. */
  readonly numRequired: number;
  readonly call: (host: UtilityHost, args: readonly unknown[]) => unknown;
}

/** Calls a utility. Returns its value or a PendingResult; throws with vLLM's message. */
export function callUtility(host: UtilityHost, method: string, args: readonly unknown[]): unknown {
  if (isViewCall(method) && host.core.views !== null) {
    const { views } = host.core;
    const view = VIEW_UTILITIES.get(method);
    if (view !== undefined) {
      checkArguments(method, view, args);
      return view.call(views, args);
    }
  }
  const utility = UTILITIES.get(method);
  if (utility === undefined || host.versionRules.absentCalls.includes(method)) {
    throw new UtilityError(`'${host.vllmClass}' object has no attribute '${method}'`);
  }
  checkArguments(method, utility, args);
  return utility.call(host, args);
}

/** Calls of our own names look, or change the pace: they depend on no step, and none has to wait for one. */
export function isViewCall(method: string): boolean {
  return method.startsWith(OWN_METHOD_PREFIX);
}

function checkArguments(
  method: string,
  utility: Pick<Utility, 'parameters' | 'numRequired'>,
  args: readonly unknown[],
): void {
  // vLLM asserts here, and an assertion has no message.
  if (args.length > utility.parameters.length) throw new UtilityError('');
  const missing = utility.parameters.slice(args.length, utility.numRequired);
  if (missing.length > 0) {
    const plural = missing.length > 1 ? 's' : '';
    const names = missing.map((name) => `'${name}'`).join(' and ');
    throw new UtilityError(
      `EngineCore.${method}() missing ${missing.length} required positional argument${plural}: ${names}`,
    );
  }
}

const PAUSE_MODES: ReadonlySet<unknown> = new Set(['abort', 'wait', 'keep']);

/**
 * Pauses and, once nothing is left to do, runs `afterwards` and answers with its value. "abort" ends all requests,
 * "wait" lets running ones finish, "keep" freezes them.
 */
function pause(
  host: UtilityHost,
  options: { mode: unknown; clearCache: boolean; afterwards: () => unknown },
): unknown {
  if (!PAUSE_MODES.has(options.mode)) {
    throw new UtilityError(`Invalid pause mode: ${String(options.mode)}`);
  }
  if (options.mode === 'abort') host.abortAll();
  host.scheduler.setPauseState(
    options.mode === 'keep' ? PauseState.PAUSED_ALL : PauseState.PAUSED_NEW,
  );
  const finish = (): unknown => {
    if (options.clearCache) host.scheduler.resetPrefixCache(true);
    return options.afterwards();
  };
  if (host.core.pauseComplete()) return finish();
  const pending = new PendingResult();
  host.whenIdle(() => pending.settle(finish));
  return pending;
}

function pauseGeneration(host: UtilityHost, [mode, clearCache]: readonly unknown[]): unknown {
  const chosen = mode === undefined ? 'abort' : mode;
  const result = pause(host, {
    mode: chosen,
    clearCache: isTrue(clearCache, true),
    afterwards: () => null,
  });
  host.core.rejectNewRequests = chosen !== 'keep';
  return result;
}

function sleep(host: UtilityHost, [level, mode]: readonly unknown[]): unknown {
  const depth = level === undefined ? 1 : Number(level);
  return pause(host, {
    mode: mode === undefined ? 'abort' : mode,
    clearCache: depth >= 1,
    afterwards: () => {
      if (depth >= 1) host.executor.sleep();
      return null;
    },
  });
}

/** True when fully awake; a partial wake keeps the scheduler paused. */
function wakeUp(host: UtilityHost, [tags]: readonly unknown[]): unknown {
  let wanted: string[] | null = Array.isArray(tags) ? tags.map(String) : null;
  if (wanted?.includes('scheduling')) wanted = wanted.filter((tag) => tag !== 'scheduling');
  if (wanted === null || wanted.length > 0) host.executor.wakeUp(wanted);
  if (host.executor.isSleeping) return false;
  return host.core.resumeScheduler(true);
}

function releaseKvCacheMemory(host: UtilityHost): null {
  const isPaused = host.scheduler.pauseState !== PauseState.UNPAUSED;
  if (!isPaused || host.scheduler.hasRequests() || host.hasBatches()) {
    throw new UtilityError('release_kv_cache_memory() requires a completed pause first');
  }
  if (host.executor.isSleeping) {
    throw new UtilityError('release_kv_cache_memory() requires all executor memory to be resident');
  }
  host.scheduler.resetPrefixCache(true);
  host.executor.discard(['kv_cache']);
  return null;
}

function kvCacheGroupMetadata(host: UtilityHost): unknown[] {
  return host.kvCacheConfig.groups.map(({ spec }, groupIdx) => ({
    group_idx: groupIdx,
    kind: spec.kind,
    block_size: spec.blockSize,
    sliding_window: 'slidingWindow' in spec ? spec.slidingWindow : null,
  }));
}

function collectiveRpc(host: UtilityHost, args: readonly unknown[]): unknown[] {
  const [method, , callArgs, kwargs] = args;
  return host.executor.collectiveRpc(
    method,
    Array.isArray(callArgs) ? callArgs : [],
    isJsonObject(kwargs) ? kwargs : {},
  );
}

function isTrue(value: unknown, byDefault: boolean): boolean {
  return value === undefined ? byDefault : Boolean(value);
}

const doNothing = (): null => null;

function utility(parameters: readonly string[], call: Utility['call'], numRequired = 0): Utility {
  return { parameters, numRequired, call };
}

const UTILITIES: ReadonlyMap<string, Utility> = new Map([
  ['get_supported_tasks', utility([], ({ executor }) => executor.supportedTasks)],
  ['get_kv_cache_group_metadata', utility([], kvCacheGroupMetadata)],
  [
    'pause_scheduler',
    utility(['mode', 'clear_cache'], (host, [mode, clearCache]) =>
      pause(host, {
        mode: mode === undefined ? 'abort' : mode,
        clearCache: isTrue(clearCache, true),
        afterwards: doNothing,
      }),
    ),
  ],
  ['pause_generation', utility(['mode', 'clear_cache'], pauseGeneration)],
  ['resume_scheduler', utility([], ({ core }) => core.resumeScheduler(null))],
  [
    'is_scheduler_paused',
    utility([], ({ scheduler }) => scheduler.pauseState !== PauseState.UNPAUSED),
  ],
  ['sleep', utility(['level', 'mode'], sleep)],
  ['wake_up', utility(['tags'], wakeUp)],
  [
    'is_sleeping',
    utility(
      [],
      ({ scheduler, executor }) =>
        scheduler.pauseState !== PauseState.UNPAUSED || executor.isSleeping,
    ),
  ],
  ['release_kv_cache_memory', utility([], releaseKvCacheMemory)],
  [
    'reset_prefix_cache',
    utility(
      ['reset_running_requests', 'reset_connector'],
      ({ scheduler }, [resetRunning, resetConnector]) =>
        scheduler.resetPrefixCache(isTrue(resetRunning, false), isTrue(resetConnector, false)),
    ),
  ],
  ['reset_mm_cache', utility([], doNothing)],
  ['reset_encoder_cache', utility([], doNothing)],
  ['execute_dummy_batch', utility([], doNothing)],
  [
    'add_lora',
    utility(['lora_request'], ({ executor }, [lora]) => executor.addLora(toLoRARequest(lora)), 1),
  ],
  ['remove_lora', utility(['lora_id'], ({ executor }, [id]) => executor.removeLora(id), 1)],
  ['pin_lora', utility(['lora_id'], ({ executor }, [id]) => executor.pinLora(id), 1)],
  ['list_loras', utility([], ({ executor }) => executor.listLoras())],
  ['collective_rpc', utility(['method', 'timeout', 'args', 'kwargs'], collectiveRpc, 1)],
  [
    'set_weight_version',
    utility(
      ['weight_version'],
      ({ core }, [version]) => {
        core.weightVersion = String(version);
        return null;
      },
      1,
    ),
  ],
  ['get_weight_version', utility([], ({ core }) => core.weightVersion)],
  [
    'profile',
    utility(
      ['is_start', 'profile_prefix', 'delay_iterations', 'max_iterations', 'profiler_kwargs'],
      doNothing,
    ),
  ],
  ['save_sharded_state', utility(['path', 'pattern', 'max_size'], doNothing, 1)],
]);
