/**
 * Checked bodies of /v1/decisions and /v1/systemone.
 * Source: vllm/entrypoints/openai/decisions/protocol.py, generate/structured_decisions/protocol.py (0.33.0).
 */
import type { PyDict, PyValue } from '../../../shared/python/values.ts';

interface QuestionBase {
  readonly instructions: string;
  readonly name: string | null;
}

export type DecisionQuestion =
  | (QuestionBase & { readonly type: 'predicate' })
  | (QuestionBase & {
      readonly type: 'choice';
      readonly choices: readonly {
        readonly value: string | boolean;
        readonly description: string;
      }[];
    })
  | (QuestionBase & {
      readonly type: 'score';
      readonly levels: readonly { readonly label: string; readonly description: string }[];
    });

export interface DecisionRequest {
  readonly model: string;
  readonly input:
    | string
    | readonly { readonly content: string | readonly { readonly text: string }[] }[];
  readonly questions: readonly DecisionQuestion[];
  readonly joint: boolean;
  readonly cache_salt: string | null;
}

/** With whatever else was sent. */
export interface QuestionSpec {
  readonly type: string;
  readonly instructions: PyValue;
  readonly criteria: PyValue;
}

export interface StructuredDecisionRequest {
  readonly model: string | null;
  readonly state: PyValue;
  readonly questions: Readonly<Record<string, QuestionSpec>>;
  readonly instructions: string | null;
  readonly images: readonly string[] | null;
  readonly audio: readonly string[] | null;
  readonly videos: readonly string[] | null;
  readonly chat_template_kwargs: PyDict | null;
  readonly joint: boolean;
  readonly cache_salt: string | null;
  readonly priority: number | bigint;
  readonly request_id: string | null;
}
