/** One step in the golden traces' format; the golden folder's README and the docs of `replay` explain the fields. */
export interface StepRecord {
  readonly step: number;
  readonly ops?: readonly StepOpRecord[];
  /** Absent if nothing was scheduled because there was nothing to schedule. */
  readonly schedule?: ScheduleRecord;
  readonly model_executed: boolean;
  readonly preempted_outside_schedule?: readonly string[];
  readonly out: readonly OutRecord[];
  readonly after: AfterRecord;
  readonly kv_events?: readonly KVEventRecord[];
}

export type StepOpRecord =
  | { readonly op: 'add'; readonly id: string }
  | { readonly op: 'abort' | 'abort_during_execution'; readonly ids: readonly string[] }
  | {
      readonly op: 'utility';
      readonly method: string;
      readonly args: readonly unknown[];
      readonly call_id: number;
    };

export interface AdmittedRecord {
  readonly id: string;
  readonly computed: number;
  readonly blocks: readonly (readonly number[])[];
}

export interface ScheduleRecord {
  readonly tokens: readonly (readonly [id: string, numTokens: number])[];
  readonly total: number;
  readonly new: AdmittedRecord[];
  readonly resumed: AdmittedRecord[];
  readonly cached: {
    readonly id: string;
    readonly computed: number;
    readonly new_blocks: readonly (readonly number[])[] | null;
  }[];
  readonly preempted: readonly string[];
  readonly worker_finished_req_ids: readonly string[];
  readonly free_blocks: number;
  readonly running: readonly string[];
  readonly waiting: readonly string[];
  /** Drafts by request; absent in the plain format. */
  spec_tokens?: Readonly<Record<string, readonly number[]>>;
  tables?: Readonly<Record<string, readonly (readonly number[])[]>>;
  block_copies?: readonly (readonly [src: number, dst: number])[];
}

export interface OutputRecord {
  readonly id: string;
  readonly new_token_ids: readonly number[];
  readonly finish_reason?: number;
  readonly stop_reason?: number | string;
  readonly events?: readonly number[];
  readonly prefill_stats?: Readonly<Record<string, number>>;
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
  };
}

export interface StatsRecord {
  readonly num_running_reqs: number;
  readonly num_waiting_reqs: number;
  readonly num_skipped_waiting_reqs: number;
  readonly kv_cache_usage: number;
  readonly prefix_cache: Readonly<Record<string, number | boolean>> & {
    readonly queries: number;
    readonly hits: number;
    readonly preempted_queries: number;
    readonly preempted_hits: number;
  };
}

/** What SchedulerStats says of single features; absent in the plain format. */
export interface StatsExtraRecord {
  readonly spec_decoding_stats?: Readonly<Record<string, number | readonly number[]>>;
  readonly waiting_lora_adapters: Readonly<Record<string, number>>;
  readonly running_lora_adapters: Readonly<Record<string, number>>;
  readonly num_kv_fetch_reqs_by_stage: Readonly<Record<string, number>>;
  readonly connector_prefix_cache_stats?: Readonly<Record<string, number | boolean>>;
}

export interface OutRecord {
  readonly client: number;
  readonly outputs: readonly OutputRecord[];
  readonly finished_requests?: readonly string[];
  readonly utility?: {
    readonly call_id: number;
    readonly result?: unknown;
    readonly failure_message?: string;
  };
  readonly stats?: StatsRecord;
  readonly stats_extra?: StatsExtraRecord;
  readonly weight_version?: string;
}

export interface AfterRecord {
  readonly running: readonly string[];
  readonly waiting: readonly string[];
  readonly free_blocks: number;
  readonly kv_cache_usage: number;
  readonly computed: ComputedTokens;
  readonly free_queue?: readonly number[];
}

/** How many tokens of each request are computed: two lists, and in JSON an object of numbers by id. */
export class ComputedTokens {
  readonly ids: readonly string[];
  readonly numTokens: readonly number[];

  constructor(ids: readonly string[], numTokens: readonly number[]) {
    this.ids = ids;
    this.numTokens = numTokens;
  }

  toJSON(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.ids.map((id, index) => [id, this.numTokens[index] ?? 0]));
  }
}

/** Hashes are small integers in the order of their first appearance. */
export type KVEventRecord =
  | {
      readonly t: 'BlockStored';
      readonly hashes: readonly number[];
      readonly parent: number | null;
      readonly num_tokens: number;
      readonly block_size: number;
      readonly group: number | null;
      readonly kind: string | null;
      readonly window: number | null;
    }
  | {
      readonly t: 'BlockRemoved';
      readonly hashes: readonly number[];
      readonly group: number | null;
    }
  | { readonly t: 'AllBlocksCleared' };
