/** Does at once what an engine's compiler does on a thread of its own. */
import type { EngineCore } from '../../src/engine-core/engine-core.ts';
import { makePlan } from '../../src/engine-core/structured-output/make-plan.ts';
import { setCompiled } from '../../src/engine-core/structured-output/set-compiled.ts';
import { reasonOf } from '../../src/shared/errors.ts';
import { HfTokenizer } from '../../src/shared/tokenizer/hf-tokenizer.ts';
import { readTokenizerFiles } from '../../src/shared/tokenizer/load-tokenizer.ts';

let made: HfTokenizer | null = null;

/** The built-in one, made once. */
export function builtInTokenizer(): HfTokenizer {
  made ??= new HfTokenizer(readTokenizerFiles({ folder: null }));
  return made;
}

export function compileGrammars(core: EngineCore): void {
  for (const structuredOutput of core.parts.structuredOutput.takeJobs()) {
    try {
      setCompiled(structuredOutput, makePlan(structuredOutput.job, builtInTokenizer()));
    } catch (error) {
      setCompiled(structuredOutput, { failure: reasonOf(error) });
    }
  }
}
