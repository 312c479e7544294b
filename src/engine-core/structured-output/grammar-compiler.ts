import type { CompileJob } from './compile-job.ts';
import type { OutputPlan } from './output-plan.ts';

/** What came of a job: a plan, or why there is none. */
export type CompileResult = OutputPlan | { readonly failure: string };

/** Does jobs beside the busy loop. */
export interface GrammarCompiler {
  /** `done` is called once, in a later turn. */
  compile(job: CompileJob, done: (result: CompileResult) => void): void;
  close(): Promise<void>;
}
