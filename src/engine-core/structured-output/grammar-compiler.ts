import type { CompileJob } from './compile-job.ts';
import type { OutputPlan } from './output-plan.ts';

/** What came of a job: a plan, or why there is none. */
export type CompileResult = OutputPlan | { readonly failure: string };

export interface CompileTask {
  readonly job: CompileJob;
  /** Nobody waits for it any more. */
  readonly isAbandoned: boolean;
}

/** Does jobs beside the busy loop. */
export interface GrammarCompiler {
  /** `done` is called once, in a later turn. An abandoned task need not be done. */
  compile(task: CompileTask, done: (result: CompileResult) => void): void;
  close(): Promise<void>;
}
