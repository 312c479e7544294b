/** What --structured-outputs-config says. Source: vllm/config/structured_outputs.py StructuredOutputsConfig (0.33.0). */
import { ConfigError } from '../errors.ts';

export const STRUCTURED_OUTPUT_BACKENDS = [
  'auto',
  'xgrammar',
  'guidance',
  'outlines',
  'lm-format-enforcer',
] as const;
export type StructuredOutputBackend = (typeof STRUCTURED_OUTPUT_BACKENDS)[number];

export interface StructuredOutputsConfig {
  readonly backend: StructuredOutputBackend;
  readonly disableAnyWhitespace: boolean;
  readonly disableAdditionalProperties: boolean;
  /** Empty for none. */
  readonly reasoningParser: string;
  readonly enableInReasoning: boolean;
}

const FIELDS = {
  backend: 'string',
  disable_any_whitespace: 'boolean',
  disable_additional_properties: 'boolean',
  reasoning_parser: 'string',
  reasoning_parser_plugin: 'string',
  enable_in_reasoning: 'boolean',
} as const;

/** Throws E_BAD_FLAG in vLLM's words. */
export function readStructuredOutputsConfig(
  given: Readonly<Record<string, unknown>> | null,
): StructuredOutputsConfig {
  const fields = given ?? {};
  for (const [key, value] of Object.entries(fields)) {
    const kind = Object.hasOwn(FIELDS, key) ? FIELDS[key as keyof typeof FIELDS] : null;
    if (kind === null) throw bad(`${key}: Unexpected keyword argument`);
    if (typeof value !== kind) throw bad(`${key}: Input should be a valid ${kind}`);
  }
  const config = {
    backend: (fields['backend'] ?? 'auto') as StructuredOutputBackend,
    disableAnyWhitespace: fields['disable_any_whitespace'] === true,
    disableAdditionalProperties: fields['disable_additional_properties'] === true,
    reasoningParser: String(fields['reasoning_parser'] ?? ''),
    enableInReasoning: fields['enable_in_reasoning'] === true,
  };
  checkConfig(config);
  return config;
}

function checkConfig({
  backend,
  disableAnyWhitespace,
  disableAdditionalProperties,
}: StructuredOutputsConfig): void {
  if (!STRUCTURED_OUTPUT_BACKENDS.includes(backend)) {
    const known = STRUCTURED_OUTPUT_BACKENDS.map((name) => `'${name}'`).join(', ');
    throw bad(`backend: Input should be one of ${known}`);
  }
  if (disableAnyWhitespace && backend !== 'xgrammar' && backend !== 'guidance')
    throw bad('disable_any_whitespace is only supported for xgrammar and guidance backends.');
  if (disableAdditionalProperties && backend !== 'guidance')
    throw bad('disable_additional_properties is only supported for the guidance backend.');
}

function bad(message: string): ConfigError {
  return new ConfigError('E_BAD_FLAG', `--structured-outputs-config: ${message}`);
}
