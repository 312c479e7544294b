/**
 * Reads: one token is generated for each prompt, and what counts are the log probabilities of chosen tokens.
 * Source: vllm/entrypoints/generate/label_reads.py next_token_label_reads (0.33.0).
 */
import { generationError, toApiError } from '../llm/errors.ts';
import type { RequestOutput } from '../llm/request-output.ts';
import type { MutableSamplingParams } from '../llm/sampling-params.ts';
import type { AnswerChannel } from './answer-channel.ts';
import type { Answer } from './exchange.ts';
import { Exchange } from './exchange.ts';
import type { RequestHeaders } from './request-headers.ts';
import type { ServingContext } from './serving-context.ts';

export interface LabelRead {
  readonly output: RequestOutput;
  /** Of the whole vocabulary, in the order of the labels. */
  readonly logprobs: readonly number[];
}

export interface LabelReads {
  readonly context: ServingContext;
  readonly headers: RequestHeaders;
  readonly channel: AnswerChannel;
  readonly requestId: string;
  readonly model: string | null;
  readonly priority: number | bigint;
  readonly cacheSalt: string | null;
  readonly prompts: readonly {
    readonly promptTokenIds: readonly number[];
    readonly params: MutableSamplingParams;
  }[];
  /** The answer's text. */
  readonly answer: (reads: readonly LabelRead[]) => string;
}

/** Starts the reads of one request; the channel gets their answer. */
export function readLabels(reads: LabelReads): void {
  const { context, headers, channel, requestId, prompts } = reads;
  new Exchange({
    context,
    request: {
      model: reads.model,
      stream: false,
      priority: reads.priority,
      cache_salt: reads.cacheSalt,
      session_id: null,
      vllm_xargs: null,
    },
    headers,
    channel,
    arrivalTime: context.clock.wallMs() / 1000,
    prompts: prompts.map(({ promptTokenIds, params }, index) => ({
      requestId: `${requestId}-${index}`,
      promptTokenIds,
      text: null,
      params,
    })),
    answer: new ReadsAnswer(reads),
    log: { id: requestId, skipsEmpty: true, onlyFinal: true },
  }).start();
}

class ReadsAnswer implements Answer {
  readonly #reads: LabelReads;

  constructor(reads: LabelReads) {
    this.#reads = reads;
  }

  wholeAnswer(finals: readonly RequestOutput[]): string {
    const { prompts, answer } = this.#reads;
    return answer(
      finals.map((output, index) =>
        labelRead(output, prompts[index]?.params.logprobTokenIds ?? [], index),
      ),
    );
  }

  /** Reads are never streamed. */
  beginStream(): void {}
  streamOutput(): void {}
  lastEvents(): string {
    return '';
  }
  errorEvents(): null {
    return null;
  }
}

/** Throws ApiError where a label was not read. */
function labelRead(output: RequestOutput, labels: readonly number[], index: number): LabelRead {
  const [completion] = output.outputs;
  const fail = (message: string) => toApiError(generationError(message, false));
  if (completion === undefined) throw fail(`No output generated for item ${index}`);
  if (completion.finishReason === 'error') throw fail(`Generation error for item ${index}`);
  const [position] = completion.logprobs ?? [];
  if (position === undefined || position === null) {
    throw fail(
      `No logprobs available for item ${index}. This might indicate an issue with logprobs configuration.`,
    );
  }
  const missing = labels.filter((id) => !position.has(id));
  if (missing.length > 0) {
    throw fail(
      `Token IDs [${missing.join(', ')}] not found in logprobs for item ${index}. This might indicate the tokens are ` +
        "outside the model's vocabulary.",
    );
  }
  return { output, logprobs: labels.map((id) => position.get(id)?.logprob ?? 0) };
}
