/**
 * An engine's structured outputs: what has to be compiled, for whom, and with which backend. The work itself is done by
 * whoever takes the jobs.
 * Source: vllm/v1/structured_output/__init__.py StructuredOutputManager.grammar_init (0.33.0).
 */
import { reasonOf } from '../../shared/errors.ts';
import type { EngineCoreRequest } from '../../shared/protocol/request.ts';
import {
  type CompileJob,
  compileJobOf,
  type DrawCounter,
  type StructuredOutputSettings,
} from './compile-job.ts';
import { StructuredOutput } from './structured-output.ts';
import { StructuredOutputError } from './structured-output-error.ts';

const DRAWS_PER_ENGINE = 2 ** 20;

/** A request of the scheduler, as far as this is about it. */
interface Constrained {
  structuredOutput: StructuredOutput | null;
}

export class StructuredOutputManager {
  readonly #settings: StructuredOutputSettings;
  readonly #counter: DrawCounter;
  #jobs: StructuredOutput[] = [];
  /** That of the first request; an engine has one. */
  #backendName: string | null = null;

  /** Engines of one seed draw each their own where a request brings none. */
  constructor(settings: StructuredOutputSettings, engineIndex: number) {
    this.#settings = settings;
    this.#counter = { count: engineIndex * DRAWS_PER_ENGINE };
  }

  /**
   * Gives a request that is constrained, or told what to say, its structured output, which has a job to be done. Throws
   * StructuredOutputError where the engine uses another backend already, and for what cannot be read.
   */
  grammarInit(request: Constrained, coreRequest: EngineCoreRequest): void {
    const job = this.#jobOf(coreRequest);
    if (job === null) return;
    if (job.constraint !== null) this.#useBackend(coreRequest.samplingParams?.structuredOutputs);
    request.structuredOutput = new StructuredOutput(job);
    this.#jobs.push(request.structuredOutput);
  }

  /** What has come since the last call. */
  takeJobs(): readonly StructuredOutput[] {
    const jobs = this.#jobs;
    if (jobs.length > 0) this.#jobs = [];
    return jobs;
  }

  /** Whatever is wrong with what a client wrote costs its request, and not the engine. */
  #jobOf(coreRequest: EngineCoreRequest): CompileJob | null {
    try {
      return compileJobOf(coreRequest, this.#settings, this.#counter);
    } catch (error) {
      throw new StructuredOutputError(`Invalid structured outputs: ${reasonOf(error)}`);
    }
  }

  #useBackend(structuredOutputs: unknown): void {
    const { _backend: backend } = structuredOutputs as { readonly _backend?: unknown };
    // A frontend that leaves the choice to the engine has made none.
    if (typeof backend !== 'string' || backend === 'auto') return;
    if (this.#backendName !== null && this.#backendName !== backend) {
      throw new StructuredOutputError(
        'Structured output processing only supports one backend per engine. ' +
          `The engine is already using '${this.#backendName}', but this request resolved to '${backend}'. Configure ` +
          '`structured_outputs_config.backend` explicitly or use schemas supported by the initialized backend.',
      );
    }
    this.#backendName = backend;
  }
}
