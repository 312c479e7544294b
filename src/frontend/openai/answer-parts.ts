/** What answers of /v1/completions and /v1/chat/completions are built from alike. */
import { jsonNullable, jsonString } from '../../shared/python/json-text.ts';
import type { RequestOutput } from '../llm/request-output.ts';
import { requestMetricsJson } from './answer-json.ts';
import type { GenerationRequest } from './generation-request.ts';
import type { LogprobsFormat } from './logprobs-json.ts';
import { createdSeconds, type ServingContext, shownModel } from './serving-context.ts';
import { specDecodingJson } from './spec-decoding-json.ts';

export class AnswerParts {
  readonly created: number;
  /** JSON, as the other texts here. */
  readonly model: string;
  readonly fingerprint: string;
  /** A stream ends with a chunk that tells the usage. */
  readonly includeUsage: boolean;
  /** Every chunk tells the usage so far. */
  readonly includeContinuousUsage: boolean;
  readonly #context: ServingContext;
  readonly #request: GenerationRequest;
  /** One prompt and one answer: only then do metrics of a request make sense. */
  readonly #isSingle: boolean;
  readonly #hasTimings: boolean;

  constructor(context: ServingContext, request: GenerationRequest, numPrompts: number) {
    this.#context = context;
    this.#request = request;
    this.created = createdSeconds(context);
    this.model = jsonString(shownModel(context, request.model));
    this.fingerprint = jsonNullable(context.model.fingerprint);
    const isForced = context.enableForceIncludeUsage;
    const options = request.stream_options;
    this.includeUsage = isForced || options?.include_usage === true;
    this.includeContinuousUsage =
      isForced || (this.includeUsage && options?.continuous_usage_stats === true);
    this.#isSingle = numPrompts === 1 && (request.n ?? 1) === 1;
    this.#hasTimings = context.enablePerRequestMetrics && this.#isSingle;
  }

  /** Up to the choices. */
  head(id: string, object: string): string {
    return `{"id":${jsonString(id)},"object":"${object}","created":${this.created},"model":${this.model},"choices":[`;
  }

  /** `limit`: candidates a position shows; null: all there are. */
  logprobsFormat(limit: number | null): LogprobsFormat {
    const { return_tokens_as_token_ids: asTokenIds, logprob_token_ids: ids } = this.#request;
    return {
      tokenizer: this.#context.tokenizer,
      limit: ids?.length ? null : limit,
      asTokenIds: asTokenIds ?? this.#context.returnTokensAsTokenIds,
    };
  }

  /** Of the chunk that finishes a choice, where no chunk with the usage follows. */
  get finishFingerprint(): string {
    return this.includeUsage ? '' : this.#fingerprintField();
  }

  #fingerprintField(): string {
    return this.fingerprint === 'null' ? '' : `,"system_fingerprint":${this.fingerprint}`;
  }

  /** `metrics` of a whole answer. */
  metrics(output: RequestOutput, numTokens: number): string {
    return this.#metrics(output, numTokens, false) ?? 'null';
  }

  /** Null where there is nothing to tell. */
  #metrics(
    { stats, specDecodeMetrics }: RequestOutput,
    numTokens: number,
    skipNull: boolean,
  ): string | null {
    const drafts =
      this.#isSingle && specDecodeMetrics !== null
        ? specDecodingJson(specDecodeMetrics, skipNull)
        : null;
    const timings = this.#hasTimings ? stats : null;
    if (timings === null && drafts === null) return null;
    return requestMetricsJson(timings, numTokens, skipNull, drafts);
  }

  /** The chunk without choices that tells the usage; nothing where none was asked for. */
  usageEvent(head: string, usage: () => string, output: RequestOutput, numTokens: number): string {
    if (!this.includeUsage) return '';
    const told = this.#metrics(output, numTokens, true);
    const metrics = told === null ? '' : `,"metrics":${told}`;
    return `data: ${head}],"usage":${usage()}${this.#fingerprintField()}${metrics}}\n\n`;
  }
}
