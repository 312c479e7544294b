import { reasonOf } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import type { GrammarCompiler } from './grammar-compiler.ts';
import { setCompiled } from './set-compiled.ts';
import type { StructuredOutput } from './structured-output.ts';
import type { StructuredOutputManager } from './structured-output-manager.ts';

export interface GrammarLaneOptions {
  /** Called with the first job; null where nothing can be compiled. */
  readonly create: (() => Promise<GrammarCompiler>) | null;
  readonly logger: Logger;
  /** A request has its grammar, or will have none. */
  readonly onDone: () => void;
}

/** Carries an engine's grammars to who compiles them, and what came of them back. */
export class GrammarLane {
  readonly #manager: StructuredOutputManager;
  readonly #options: GrammarLaneOptions;
  #creating: Promise<GrammarCompiler> | null = null;
  #isClosed = false;

  constructor(manager: StructuredOutputManager, options: GrammarLaneOptions) {
    this.#manager = manager;
    this.#options = options;
  }

  /** Sends off what has come since the last call. */
  takeJobs(): void {
    for (const structuredOutput of this.#manager.takeJobs()) void this.#compile(structuredOutput);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const compiler = await this.#creating?.catch(() => null);
    await compiler?.close();
  }

  async #compile(structuredOutput: StructuredOutput): Promise<void> {
    const { create, logger, onDone } = this.#options;
    try {
      if (create === null) throw new Error('this engine has no tokenizer');
      if (this.#creating === null) logger.debug('Loading the tokenizer for the first grammar.');
      this.#creating ??= create();
      const compiler = await this.#creating;
      if (this.#isClosed) return;
      compiler.compile(structuredOutput, (result) => {
        setCompiled(structuredOutput, result);
        onDone();
      });
    } catch (error) {
      setCompiled(structuredOutput, { failure: reasonOf(error) });
      onDone();
    }
  }
}
