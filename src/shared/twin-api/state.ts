/** `GET /twin/api/state`, and what `event: state` of `GET /twin/api/events` carries. JSON, so in snake_case. */
import type { ClockChange, ClockState } from './engine-views.ts';

export interface TwinState {
  readonly vllm_version: string;
  readonly model: string;
  /** Where vLLM's handshake stands in each engine, and that of the server. */
  readonly phase: 'starting' | 'serving' | 'ending';
  readonly engines: readonly EngineState[];
  readonly api_server_count: number;
  readonly frames: {
    /** The newest `n` of the merged stream, and the oldest that is still there. */
    readonly last_n: number;
    readonly first_n: number;
    readonly num_fallen_out: number;
  };
  /** Whether whoever asks may change something, and why not; null where they may. */
  readonly changes_refused_because: string | null;
  /** With --handshake-step, until the start-up is over. */
  readonly handshake_step: HandshakeStepState | null;
  /** Captions of a lesson; null outside of one. */
  readonly lesson: LessonState | null;
}

export interface EngineState {
  readonly rank: number;
  /** Null where the process is not ours to know. */
  readonly pid: number | null;
  readonly state: 'NEW' | 'CONNECTED' | 'READY' | 'DEAD';
  /** Null where the engine does not say. */
  readonly gpu: string | null;
  /** False where it answers our utility calls as one that knows none of them; null where nobody asked yet. */
  readonly is_twin: boolean | null;
  /** The ready response, whole, by vLLM's field names; null until it is there. */
  readonly ready_response: Readonly<Record<string, unknown>> | null;
  readonly kv_cache_size_tokens: number | null;
  readonly kv_cache_max_concurrency: number | null;
  readonly num_requests_running: number;
  readonly num_requests_waiting: number;
  /** 0 to 1. */
  readonly kv_cache_usage_perc: number;
  readonly clock: ClockState | null;
}

export interface HandshakeStepState {
  /** Frames held back, the next one first: each in one sentence. */
  readonly held: readonly string[];
  readonly num_released: number;
}

export interface LessonState {
  readonly name: string;
  readonly title: string;
  readonly captions: readonly string[];
}

/** `POST /twin/api/clock`: to one engine, or to all where none is named. */
export interface ClockRequest extends ClockChange {
  readonly engine?: number;
}
