/** What the endpoints serve with. Source: vllm/entrypoints/generate/base/serving.py (0.33.0). */

import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Tokenizer } from '../../shared/tokenizer/tokenizer.ts';
import type { AsyncLLM } from '../llm/async-llm.ts';
import { notFound } from '../llm/errors.ts';
import type { ServedModel } from '../llm/served-model.ts';
import type { ModelRegistry } from './model-registry.ts';
import type { OutputParsers } from './parsing/output-parsers.ts';
import type { OnlineRenderer } from './renderer.ts';
import type { RequestLogger } from './request-logger.ts';
import type { ResponseStore } from './responses/store.ts';

export interface ServingContext {
  readonly llm: Pick<AsyncLLM, 'preflight' | 'ensureRoom' | 'whenRoom' | 'generate' | 'encode'>;
  readonly models: ModelRegistry;
  readonly renderer: OnlineRenderer;
  readonly tokenizer: Tokenizer;
  readonly model: ServedModel;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Null without `--enable-log-requests`. */
  readonly requestLogger: RequestLogger | null;
  readonly maxNumSequences: number;
  readonly responseRole: string;
  readonly returnTokensAsTokenIds: boolean;
  readonly enablePromptTokensDetails: boolean;
  readonly enableForceIncludeUsage: boolean;
  readonly enablePerRequestMetrics: boolean;
  readonly skipModelNameValidation: boolean;
  /** Of the outputs' formats; null where no flag asks for any. */
  readonly parsers: OutputParsers | null;
  /** `--tool-call-rate`. */
  readonly toolCallRate: number;
  /** Null where responses are not kept. */
  readonly responses: ResponseStore | null;
}

/** Throws the 404 of a model that is not served. */
export function checkModel(context: ServingContext, model: string | null): void {
  if (!model || context.skipModelNameValidation || context.models.has(model)) return;
  const aliases = context.model.servedModelNames.join(', ');
  throw notFound(`The model \`${model}\` does not exist. Valid aliases: ${aliases}.`, 'model');
}

/** What an answer calls its model. */
export function shownModel({ models }: ServingContext, model: string | null): string {
  return models.shownName(models.lora(model));
}

/** `created` of an answer that begins. */
export function createdSeconds({ clock }: ServingContext): number {
  return Math.floor(clock.wallMs() / 1000);
}
