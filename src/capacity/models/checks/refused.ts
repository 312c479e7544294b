import { ConfigError } from '../../../shared/errors.ts';

/**
 * A configuration that vLLM refuses, in its words: what follows `Value error, ` in pydantic's frame, or an assertion's text.
 * Where vLLM asserts without a text, the words are ours.
 */
export function refused(words: string): ConfigError {
  return new ConfigError('E_BAD_FLAG', words);
}
