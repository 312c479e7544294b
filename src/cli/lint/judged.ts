import type { JudgedQuery } from '../../lint/lint-text.ts';

/** A file, or a query of the command line, with what is found in it. */
export interface Judged {
  /** As it is called in what is put out. */
  readonly name: string;
  readonly isFile: boolean;
  readonly text: string;
  readonly queries: readonly JudgedQuery[];
  readonly problem: Problem | null;
}

/** Why not all of a file was judged. */
export interface Problem {
  readonly message: string;
  /** Null: of the whole file. */
  readonly line: number | null;
}
