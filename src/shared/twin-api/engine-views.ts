/**
 * What an engine core shows of its inside, by utility calls of our own names. The calls take positional arguments and give
 * these; an engine that is not ours answers with vLLM's unknown-method failure. JSON, so in snake_case.
 */
import type { RawFrame } from '../tap/raw-frame.ts';

/** Our utility methods, each with its arguments in order and what it gives. */
export interface EngineViewMethods {
  /** What it is and how it stands; steps and prefix hits are kept for the next seconds. */
  readonly vllm_twin_about: () => EngineAbout;
  /** Frames that the engine's tap keeps beyond `sinceSeq`; keeps more for the next seconds. */
  readonly vllm_twin_frames: (sinceSeq: number) => EngineFrames;
  /** The block map, and the prefix hits since it was last asked for. */
  readonly vllm_twin_blocks: () => BlockMap;
  readonly vllm_twin_block: (blockId: number) => BlockView;
  /** A request's tables, by its id. Null where the engine has none. */
  readonly vllm_twin_request: (requestId: string) => RequestView | null;
  /** Steps beyond `sinceStep`, and who waits now; records further ones for the next seconds. */
  readonly vllm_twin_steps: (sinceStep: number) => EngineSteps;
  /** What `explain` says of this engine: the JSON of `vllm-twin explain --json`. */
  readonly vllm_twin_explain: () => unknown;
  /** Changes the simulated clock, and gives what it is then. */
  readonly vllm_twin_clock: (change: ClockChange) => ClockState;
  /** Begins a fault under a handle that the caller chooses; fails where the engine refuses it. */
  readonly vllm_twin_inject: (injection: EngineInjection) => null;
  /** Ends a fault; whether there was one. */
  readonly vllm_twin_clear: (handle: string) => boolean;
}

export interface EngineInjection {
  readonly handle: string;
  readonly fault: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Null until it is ended. */
  readonly for_ms: number | null;
}

export interface EngineAbout {
  readonly process: string;
  readonly pid: number;
  readonly gpu: string;
  readonly model: string;
  readonly num_blocks: number;
  readonly num_requests_running: number;
  readonly num_requests_waiting: number;
  /** 0 to 1. */
  readonly kv_cache_usage_perc: number;
  readonly clock: ClockState;
}

export interface ClockChange {
  readonly state?: 'paused' | 'running';
  /** While paused: how many steps to run, then stand again. */
  readonly steps?: number;
  /** Of simulated step time, 0.01 to 10: 0.1 is ten times as fast. */
  readonly factor?: number;
}

export interface ClockState {
  readonly state: 'paused' | 'running';
  readonly factor: number;
  /** Steps still allowed while paused. */
  readonly steps_left: number;
}

export interface EngineFrames {
  /** The engine's own clock now, to tell its frames' times by: Unix epoch, and monotonic. */
  readonly wall_ms: number;
  readonly monotonic_ms: number;
  readonly process: string;
  readonly num_seen: number;
  readonly num_fallen_out: number;
  readonly frames: readonly RawFrame[];
}

/** What a block is, by a number: the index in `BLOCK_STATES`. */
export const BLOCK_STATES = ['null', 'free', 'cached_free', 'in_use'] as const;

export interface BlockMap {
  readonly num_blocks: number;
  /** Blocks that `states` tells of, the first million of a larger pool; left out where it tells of all. */
  readonly num_shown?: number;
  /** Base64 of a byte per block: its state, and in the upper four bits its group (15: none). */
  readonly states: string;
  /** Ids of free blocks that are cached, in the order in which they will be evicted; at most 10,000. */
  readonly eviction_order: readonly number[];
  readonly num_free: number;
  /** 0 to 1. */
  readonly usage: number;
  /** Blocks that prefix hits took since the last look, at most 1,000. */
  readonly recent_hits: readonly number[];
  readonly groups: readonly {
    readonly group: number;
    readonly kind: string;
    readonly block_size: number;
  }[];
  /** Of running and waiting requests, at most 1,000. */
  readonly request_ids: readonly string[];
}

export interface BlockView {
  readonly block_id: number;
  readonly state: (typeof BLOCK_STATES)[number];
  readonly ref_cnt: number;
  /** In hex, shortened by nobody; null where it has none. */
  readonly block_hash: string | null;
  readonly group: number | null;
  /** Who holds it, and at which place of their table. */
  readonly holders: readonly { readonly request_id: string; readonly position: number }[];
  /** Place in the free queue, 0 goes next; null where it is not free. */
  readonly eviction_position: number | null;
}

export interface RequestView {
  readonly request_id: string;
  readonly status: string;
  readonly num_tokens: number;
  readonly num_prompt_tokens: number;
  readonly num_computed_tokens: number;
  readonly num_cached_tokens: number;
  readonly num_preemptions: number;
  /** Block ids, a list for each group. */
  readonly block_tables: readonly (readonly number[])[];
}

export interface EngineSteps {
  readonly max_num_batched_tokens: number;
  readonly max_num_seqs: number;
  /** Finished ones, oldest first, so many that an answer stays small: ask again from the last one on. */
  readonly steps: readonly StepView[];
  readonly waiting: readonly WaitingView[];
  readonly running: readonly string[];
}

export interface StepView {
  /** Counts the engine's steps from 1. */
  readonly step: number;
  /** Monotonic, of the engine. */
  readonly start_ms: number;
  readonly end_ms: number;
  readonly scheduled: readonly {
    readonly request_id: string;
    readonly num_tokens: number;
    readonly num_computed_tokens: number;
    /** Prompt tokens among them, and output that is computed again after a preemption; the rest is decode. */
    readonly num_prefill_tokens: number;
  }[];
  readonly total_tokens: number;
  readonly preempted: readonly string[];
  readonly finished: readonly string[];
  readonly num_running: number;
  readonly num_waiting: number;
  /** 0 to 1. */
  readonly kv_cache_usage: number;
  /** Why each request that waits was not scheduled. */
  readonly waiting: readonly WaitingView[];
}

export interface WaitingView {
  readonly request_id: string;
  /**
   * `max_num_seqs`, `token_budget`, `kv_cache_blocks`, `max_loras`, `stale_output`, `grammar`, `preemption`, `prefill_interval`,
   * `paused`, `clock_paused`, `behind_another`, or `next_step` where no step has looked at it yet.
   */
  readonly why: string;
  /** In a sentence, with the numbers. */
  readonly text: string;
}
