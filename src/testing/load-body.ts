import type { LoadRequest } from './twin.ts';

/** A load as the twin's API takes it. */
export function loadBody({
  promptTokens,
  outputTokens,
  sharedPrefix,
  ...rest
}: LoadRequest): Readonly<Record<string, unknown>> {
  return {
    ...rest,
    prompt_tokens: promptTokens,
    output_tokens: outputTokens,
    shared_prefix: sharedPrefix,
  };
}
