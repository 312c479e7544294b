/**
 * `/inference/v1/generate`: token ids in, token ids out; text or a message where it is asked for.
 * Source: vllm/entrypoints/scale_out/token_in_token_out/serving.py ServingTokens.serve_tokens (0.33.0). Leaves out:
 * multimodal features and parts.
 */
import { pyStrRepr } from '../../../shared/python/str.ts';
import { type PyDict, toPlain } from '../../../shared/python/values.ts';
import { badRequest } from '../../llm/errors.ts';
import type { AnswerChannel } from '../answer-channel.ts';
import { parserRequestOfContext } from '../chat/parser-request.ts';
import { Exchange } from '../exchange.ts';
import { baseRequestId, type RequestHeaders } from '../request-headers.ts';
import { checkModel, type ServingContext } from '../serving-context.ts';
import { applyTokenLimits } from '../tokenize/params.ts';
import { TokensAnswer } from './answer.ts';
import { structSamplingParams } from './params.ts';
import type { GenerateTokensRequest } from './request.ts';

export interface TokensRules {
  /** `--tokens-only`: there is no tokenizer, and no text. */
  readonly tokensOnly: boolean;
  /** `--max-num-seqs`. */
  readonly maxNumSeqs: number;
}

/** As it is served: `vllm_xargs` are the extra_args of the sampling parameters. */
export type ServedTokensRequest = GenerateTokensRequest & {
  readonly vllm_xargs: Readonly<Record<string, unknown>> | null;
};

/** Throws ApiError when there is no answer to begin; else the channel gets it. */
export function generateTokens(
  context: ServingContext,
  rules: TokensRules,
  served: ServedTokensRequest,
  headers: RequestHeaders,
  channel: AnswerChannel,
): void {
  const request = {
    ...served,
    sampling_params: { ...served.sampling_params, extra_args: served.vllm_xargs },
  };
  const params = structSamplingParams(request, context.model, context.maxNumSequences);
  checkModel(context, request.model);
  context.llm.preflight(1);
  checkServable(context, rules, request);
  const promptTokenIds = applyTokenLimits(context.tokenizer, request.token_ids, {
    maxTotalTokens: null,
    maxOutputTokens: 0,
    truncatePromptTokens: null,
    truncationSide: null,
    addSpecialTokens: true,
    maxOutputTokensParam: 'max_tokens',
  });
  if (rules.tokensOnly) params.detokenize = false;
  const id = `generate-tokens-${baseRequestId(headers, request.request_id)}`;
  const answer = new TokensAnswer({
    context,
    request,
    params,
    id,
    channel,
    parsers: context.parsers,
  });
  new Exchange({
    context,
    request: { ...served, session_id: null },
    headers,
    channel,
    arrivalTime: context.clock.wallMs() / 1000,
    prompts: [
      {
        requestId: id,
        promptTokenIds,
        text: null,
        params,
        reasoningEnded: request.reasoning_ended,
        reasoningParserKwargs: toPlainOrNull(request.reasoning_parser_kwargs),
      },
    ],
    answer,
    log: { id, skipsEmpty: true, onlyFinal: true },
  }).start();
}

function checkServable(
  { model, parsers }: ServingContext,
  { tokensOnly, maxNumSeqs }: TokensRules,
  request: GenerateTokensRequest,
): void {
  const { sampling_params: params, output_mode: mode, stream } = request;
  const n = params.n ?? 1;
  if (n > maxNumSeqs) {
    throw badRequest(
      `sampling_params.n must be at most the server's max_num_seqs (${maxNumSeqs}), got ${n}.`,
    );
  }
  if (stream === true && (params.prompt_logprob_token_ids ?? null) !== null) {
    throw badRequest('prompt_logprob_token_ids are not available when stream=true.');
  }
  if (tokensOnly && (params.stop ?? []).length > 0) {
    throw badRequest(
      'stop strings are not supported on a --tokens-only server because detokenization is disabled. Check stop ' +
        'strings on the coordinator, or use stop_token_ids.',
    );
  }
  if (tokensOnly && mode !== 'tokens') {
    throw badRequest(
      `output_mode=${pyStrRepr(mode)} requires a tokenizer, but this server does not load one (--tokens-only or ` +
        `--skip-tokenizer-init). Send the request to a server that loads a tokenizer, or use output_mode='tokens'.`,
    );
  }
  if (mode === 'derender' && stream === true) {
    throw badRequest("output_mode='derender' does not support stream=true.");
  }
  if (mode === 'derender' && parsers !== null) checkParseContext(request);
  const hasMedia = (request.content_parts ?? []).length > 0 || request.features !== null;
  if (hasMedia) throw badRequest(`${model.servedModelNames[0]} is not a multimodal model`);
}

function checkParseContext({ parse_context: context }: GenerateTokensRequest): void {
  if (context === null) {
    throw badRequest(
      "output_mode='derender' requires parse_context on a server with a tool or reasoning parser. Use the one " +
        'returned by /render.',
    );
  }
  parserRequestOfContext(context);
}

function toPlainOrNull(kwargs: PyDict | null): Readonly<Record<string, unknown>> | null {
  return kwargs === null ? null : (toPlain(kwargs) as Record<string, unknown>);
}
