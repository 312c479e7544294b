/** What a struct of the wire is, for who looks at its fields. */
export interface StructDoc {
  /** vLLM's file. */
  readonly file: string;
  /** Class or method in that file; absent where it is the struct's own name. */
  readonly symbol?: string;
  /** One sentence a field, by vLLM's names. */
  readonly fields: Readonly<Record<string, string>>;
}

export type StructDocs = Readonly<Record<string, StructDoc>>;
