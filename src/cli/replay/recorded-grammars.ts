/**
 * Grammars of a workload. They compile on a thread, so the step in which one is ready is the record's; in a workload that
 * was not recorded it is the one after the request's arrival. What the script says is then judged by them.
 */
import type { EngineCore } from '../../engine-core/engine-core.ts';
import type { StructuredOutput } from '../../engine-core/structured-output/structured-output.ts';
import { TextGrammar } from '../../engine-core/structured-output/text-grammar.ts';
import { reasonOf } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json-object.ts';
import { grammarOfConstraint } from '../../shared/structured-output/constraint-text.ts';
import { Recognizer } from '../../shared/structured-output/recognizer.ts';
import { HfTokenizer } from '../../shared/tokenizer/hf-tokenizer.ts';
import { readTokenizerFiles } from '../../shared/tokenizer/load-tokenizer.ts';
import type { TraceRecord } from './record.ts';

interface Waiting {
  readonly structuredOutput: StructuredOutput;
  readonly readyStep: number;
}

export class RecordedGrammars {
  readonly #trace: TraceRecord;
  readonly #waiting: Waiting[] = [];
  /** Made with the first grammar. */
  #tokenizer: HfTokenizer | null = null;

  constructor(trace: TraceRecord) {
    this.#trace = trace;
  }

  /** Before step `step` is scheduled. */
  compile(step: number, core: EngineCore): void {
    const jobs = core.parts.structuredOutput.takeJobs();
    if (jobs.length === 0 && this.#waiting.length === 0) return;
    for (const structuredOutput of jobs) {
      const request = [...core.scheduler.state.requests.values()].find(
        (candidate) => candidate.structuredOutput === structuredOutput,
      );
      // It may have been aborted on its arrival.
      if (request === undefined) continue;
      this.#waiting.push({ structuredOutput, readyStep: this.#readyStep(request.requestId, step) });
    }
    for (const [index, { structuredOutput, readyStep }] of [...this.#waiting.entries()].reverse()) {
      if (readyStep > step) continue;
      this.#waiting.splice(index, 1);
      this.#makeGrammar(structuredOutput);
    }
  }

  #makeGrammar(structuredOutput: StructuredOutput): void {
    const { constraint, stopTokenIds } = structuredOutput.job;
    if (constraint === null) return;
    try {
      const recognizer = new Recognizer(grammarOfConstraint(constraint));
      this.#tokenizer ??= new HfTokenizer(readTokenizerFiles({ folder: null }));
      structuredOutput.grammar = new TextGrammar(recognizer, this.#tokenizer, stopTokenIds);
    } catch (error) {
      structuredOutput.failure = reasonOf(error);
    }
  }

  /** The first step that schedules the request, or ends it. */
  #readyStep(requestId: string, step: number): number {
    const { steps } = this.#trace;
    if (steps === undefined) return step + 1;
    const found = steps.findIndex((recorded) => namesRequest(recorded, requestId));
    return found < 0 ? Number.POSITIVE_INFINITY : found;
  }
}

function namesRequest(step: JsonObject, requestId: string): boolean {
  const schedule = step['schedule'] as { readonly new?: readonly { readonly id: string }[] } | null;
  if (schedule?.new?.some(({ id }) => id === requestId) === true) return true;
  const messages = (step['out'] ?? []) as readonly {
    readonly outputs?: readonly { readonly id: string }[];
  }[];
  return messages.some(({ outputs }) => outputs?.some(({ id }) => id === requestId) === true);
}
