/**
 * With `--enable-log-requests`, a line for each prompt; with `--enable-log-outputs`, one for each answer: vLLM's words.
 * Source: vllm/entrypoints/serve/utils/request_logger.py RequestLogger (0.33.0). Leaves out: request bodies.
 */
import type { Logger } from '../../shared/logger.ts';
import type { NdArray } from '../../shared/protocol/outputs.ts';
import type { PoolingParams } from '../../shared/protocol/pooling.ts';
import type { LoRARequest, SamplingParams } from '../../shared/protocol/request.ts';
import { pySlice, pyStrRepr } from '../../shared/python/str.ts';
import { poolingParamsRepr } from '../llm/pooling-params.ts';
import { loraRequestRepr, samplingParamsRepr } from '../llm/sampling-params-repr.ts';

export interface RequestLoggerOptions {
  readonly logger: Logger;
  /** Characters, or token ids, that a line shows at most; null: all. */
  readonly maxLogLen: number | null;
  readonly logsOutputs: boolean;
  /** Each piece of a stream has a line. */
  readonly logsDeltas: boolean;
}

export interface LoggedInputs {
  readonly requestId: string;
  readonly prompt: string | null;
  readonly promptTokenIds: readonly number[] | null;
  readonly promptEmbeds?: NdArray | undefined;
  /** Null where nothing is generated. */
  readonly params: SamplingParams | PoolingParams | null;
  readonly loraRequest: LoRARequest | null;
}

export interface LoggedOutputs {
  readonly requestId: string;
  readonly text: string;
  /** Null where they are not kept. */
  readonly tokenIds: readonly number[] | null;
  readonly finishReason: string | null;
  /** Which part of a stream; null for a whole answer. */
  readonly streamPart: 'delta' | 'complete' | null;
}

export class RequestLogger {
  readonly #options: RequestLoggerOptions;

  constructor(options: RequestLoggerOptions) {
    this.#options = options;
    const { logger } = options;
    if (!logger.isLevelEnabled('info')) {
      logger.warn(
        '`--enable-log-requests` is set but the minimum log level is higher than INFO. No request information will be logged.',
      );
    } else if (!logger.isLevelEnabled('debug')) {
      logger.info(
        '`--enable-log-requests` is set but the minimum log level is higher than DEBUG. Only limited information will ' +
          'be logged to minimize overhead. To view more details, set `--log-level debug`.',
      );
    }
  }

  get logsOutputs(): boolean {
    return this.#options.logsOutputs;
  }

  get logsDeltas(): boolean {
    return this.#options.logsOutputs && this.#options.logsDeltas;
  }

  logInputs(inputs: LoggedInputs): void {
    const { requestId, prompt, promptTokenIds, promptEmbeds, params, loraRequest } = inputs;
    const { logger } = this.#options;
    if (logger.isLevelEnabled('debug')) {
      const ids = promptEmbeds === undefined ? idsRepr(this.#cutIds(promptTokenIds)) : 'None';
      const shape =
        promptEmbeds === undefined ? 'None' : `torch.Size([${promptEmbeds.shape.join(', ')}])`;
      logger.debug(
        `Request ${requestId} details: prompt: ${prompt === null ? 'None' : pyStrRepr(this.#cutText(prompt))}, ` +
          `prompt_token_ids: ${ids}, prompt_embeds shape: ${shape}.`,
      );
    }
    if (!logger.isLevelEnabled('info')) return;
    const shown = params === null ? 'None' : paramsRepr(params);
    logger.info(
      `Received request ${requestId}: params: ${shown}, lora_request: ${loraRequestRepr(loraRequest)}.`,
    );
  }

  logOutputs({ requestId, text, tokenIds, finishReason, streamPart }: LoggedOutputs): void {
    const { logger } = this.#options;
    const part = streamPart === null ? '' : ` (streaming ${streamPart})`;
    if (logger.isLevelEnabled('debug')) {
      const ids = idsRepr(this.#cutIds(tokenIds));
      logger.debug(`Generated response ${requestId}${part} details: output_token_ids: ${ids}`);
    }
    logger.info(
      `Generated response ${requestId}${part}: output: ${pyStrRepr(this.#cutText(text))}, ` +
        `finish_reason: ${finishReason ?? 'None'}`,
    );
  }

  #cutText(text: string): string {
    const { maxLogLen } = this.#options;
    return maxLogLen === null ? text : pySlice(text, maxLogLen);
  }

  #cutIds(ids: readonly number[] | null): readonly number[] | null {
    const { maxLogLen } = this.#options;
    return maxLogLen === null || ids === null ? ids : ids.slice(0, maxLogLen);
  }
}

function paramsRepr(params: SamplingParams | PoolingParams): string {
  return 'task' in params ? poolingParamsRepr(params) : samplingParamsRepr(params);
}

function idsRepr(ids: readonly number[] | null): string {
  return ids === null ? 'None' : `[${ids.join(', ')}]`;
}
