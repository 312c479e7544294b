import { reasonOf } from '../../shared/errors.ts';
import type { Timers } from '../../shared/timers.ts';
import { HfTokenizer } from '../../shared/tokenizer/hf-tokenizer.ts';
import { readTokenizerFiles } from '../../shared/tokenizer/load-tokenizer.ts';
import type { Tokenizer } from '../../shared/tokenizer/tokenizer.ts';
import type { CompileJob } from './compile-job.ts';
import type { CompileResult, CompileTask, GrammarCompiler } from './grammar-compiler.ts';
import { makePlan } from './make-plan.ts';

/** How long a grammar takes on a virtual clock. */
const COMPILE_MS = 2;

/** Compiles in the thread it is in, after a fixed time of the given clock: the same run for the same seed. */
export class InlineCompiler implements GrammarCompiler {
  readonly #timers: Timers;
  readonly #tokenizer: Tokenizer;

  /** `folder`: as loadTokenizer takes it. Nothing is waited for: a virtual clock would not stand still meanwhile. */
  constructor(folder: string | null, timers: Timers) {
    this.#tokenizer = new HfTokenizer(readTokenizerFiles({ folder }));
    this.#timers = timers;
  }

  compile({ job }: CompileTask, done: (result: CompileResult) => void): void {
    this.#timers.after(COMPILE_MS, () => done(this.#compile(job)));
  }

  async close(): Promise<void> {}

  #compile(job: CompileJob): CompileResult {
    try {
      return makePlan(job, this.#tokenizer);
    } catch (error) {
      return { failure: reasonOf(error) };
    }
  }
}
