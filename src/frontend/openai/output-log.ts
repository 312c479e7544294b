/** What of one request's outputs goes to the log: as they come in a stream, and whole at the end. */
import type { RequestOutput } from '../llm/request-output.ts';
import type { RequestLogger } from './request-logger.ts';

/** What vLLM's endpoints log differently. */
export interface OutputLogRules {
  /** The id of the whole answer: `cmpl-…`, `chatcmpl-…`, `resp_…`. */
  readonly id: string;
  /** Completions log empty texts of whole answers too, chats do not. */
  readonly skipsEmpty: boolean;
  /** Responses have one line at the end, with the finish reason, streamed or not. */
  readonly onlyFinal: boolean;
}

export class OutputLog {
  readonly #logger: RequestLogger;
  readonly #rules: OutputLogRules;
  readonly #numChoices: number;
  /** By choice, counted over all prompts. */
  readonly #texts: string[] = [];
  #lastReason: string | null = null;
  #lastIds: readonly number[] | null = null;

  /** `numChoices` is those of one prompt. */
  constructor(logger: RequestLogger, rules: OutputLogRules, numChoices: number) {
    this.#logger = logger;
    this.#rules = rules;
    this.#numChoices = numChoices;
  }

  streamed({ outputs }: RequestOutput, promptIndex: number): void {
    const { id, onlyFinal } = this.#rules;
    for (const { index, text, tokenIds, finishReason } of outputs) {
      const choice = index + promptIndex * this.#numChoices;
      this.#texts[choice] = (this.#texts[choice] ?? '') + text;
      this.#lastReason = finishReason ?? this.#lastReason;
      this.#lastIds = onlyFinal ? [...(this.#lastIds ?? []), ...tokenIds] : null;
      if (text === '' || onlyFinal || !this.#logger.logsDeltas) continue;
      this.#logger.logOutputs({ requestId: id, text, tokenIds, finishReason, streamPart: 'delta' });
    }
  }

  endStream(): void {
    const { id, onlyFinal } = this.#rules;
    for (const text of this.#texts) {
      this.#logger.logOutputs({
        requestId: id,
        text: text ?? '',
        tokenIds: this.#lastIds,
        finishReason: onlyFinal ? this.#lastReason : 'streaming_complete',
        streamPart: 'complete',
      });
    }
  }

  whole(finals: readonly RequestOutput[]): void {
    for (const { text, tokenIds, finishReason } of finals.flatMap(({ outputs }) => outputs)) {
      if (text === '' && this.#rules.skipsEmpty) continue;
      const { id: requestId } = this.#rules;
      this.#logger.logOutputs({ requestId, text, tokenIds, finishReason, streamPart: null });
    }
  }
}
