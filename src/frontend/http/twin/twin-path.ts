/** One path below /twin, as the OpenAPI document and the reference page show it. */

export interface TwinParameter {
  readonly name: string;
  readonly in: 'query' | 'path';
  readonly required: boolean;
  readonly schema: Readonly<Record<string, unknown>>;
  readonly doc: string;
}

export interface TwinPath {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** As OpenAPI has it: `{rank}`. */
  readonly path: string;
  readonly summary: string;
  readonly parameters: readonly TwinParameter[];
  /** Of a POST. */
  readonly body: Readonly<Record<string, unknown>> | null;
  readonly contentType: string;
  /** What is answered, in a sentence, with the type's name in src/shared. */
  readonly answer: string;
  /** Of a success; 200 where there is none. */
  readonly status?: 200 | 201 | 204;
  /** Statuses of refusals, with what they mean. */
  readonly errors: Readonly<Record<number, string>>;
}
