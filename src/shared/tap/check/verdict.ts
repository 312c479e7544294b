/** What a check says in the end. JSON, so in snake_case. */
import type { RuleId, Severity } from './rules.ts';

export interface Problem {
  readonly rule: RuleId;
  readonly severity: Severity;
  /** Rank; null where it is none's in particular. */
  readonly engine: number | null;
  /** Whose record first shows it. */
  readonly process: string;
  readonly seq: number;
  readonly text: string;
  /** Frames that show the same. */
  readonly times: number;
}

/** All messages of one type from or for one engine. */
export interface CheckedMessage {
  readonly engine: number | null;
  readonly type: string;
  readonly struct: string | null;
  readonly frames: number;
  /** Of the struct, by vLLM's names, in order. */
  readonly fields: readonly string[];
  /** On the wire in one of them at least. */
  readonly present: readonly string[];
  /** Required, and missing in one of them. */
  readonly missing: readonly string[];
  /** Unknown to vLLM. */
  readonly extra: readonly string[];
  /** Of another type in one of them; with the path of what is inside. */
  readonly wrong_type: readonly string[];
}

export interface CheckedEngine {
  readonly engine: number;
  /** As far as the handshake got; null where the recording shows none of it. */
  readonly state: 'NEW' | 'CONNECTED' | 'READY' | null;
  readonly parallel_config_hash: string | null;
}

export interface Verdict {
  /** `nothing`: there was no frame. */
  readonly verdict: 'ok' | 'broken' | 'nothing';
  readonly vllm_version: string;
  readonly checked: {
    readonly frames: number;
    readonly processes: readonly string[];
    readonly engines: readonly CheckedEngine[];
    readonly messages: readonly CheckedMessage[];
  };
  readonly problems: readonly Problem[];
  /** Distinct problems beyond those that are kept. */
  readonly num_left_out: number;
}
