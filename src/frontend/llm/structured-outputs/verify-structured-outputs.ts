/**
 * Whether a backend of vLLM would take what a request's output is held to, and which: the checks, their order and their
 * words. Pure. Source: vllm/sampling_params.py SamplingParams._validate_structured_outputs, and the validate functions of
 * vllm/v1/structured_output/backend_*.py (0.33.0). Leaves out: Mistral's own tokenizers; what outlines and
 * lm-format-enforcer say of a regex.
 */
import type { StructuredOutputBackend } from '../../../shared/config/structured-outputs-config.ts';
import { reasonOf } from '../../../shared/errors.ts';
import { readPythonJson } from '../../../shared/python/read-json.ts';
import { pyRepr } from '../../../shared/python/str.ts';
import { type PyValue, toPlain } from '../../../shared/python/values.ts';
import { parseRegex } from '../../../shared/structured-output/regex-parser.ts';
import { choiceAsGrammar } from '../../../shared/structured-output/structured-outputs.ts';
import { validationError } from '../errors.ts';
import {
  guidanceGrammarError,
  guidanceJsonError,
  guidanceRegexError,
  guidanceTagError,
} from './guidance-problem.ts';
import {
  checkJsonNesting,
  hasGuidanceUnsupported,
  hasXgrammarUnsupported,
} from './json-features.ts';
import {
  xgrammarGrammarProblem,
  xgrammarRegexProblem,
  xgrammarSchemaProblem,
  xgrammarTagProblem,
} from './xgrammar-problem.ts';

/** `structured_outputs` as it travels; `choice` may have become a grammar. */
interface Params {
  readonly json?: unknown;
  readonly regex?: unknown;
  readonly choice?: unknown;
  readonly grammar?: unknown;
  readonly json_object?: unknown;
  readonly structural_tag?: unknown;
}

/** With the backend in it. Throws ApiError for what the backends refuse. */
export function verifyStructuredOutputs(
  value: unknown,
  configured: StructuredOutputBackend,
): unknown {
  const params = value as Params;
  checkKinds(params);
  checkContent(params);
  try {
    return withBackend(params, configured);
  } catch (error) {
    // The stack is used up.
    if (error instanceof RangeError)
      throw validationError('Grammar error: the specification is nested too deeply');
    throw error;
  }
}

function withBackend(params: Params, configured: StructuredOutputBackend): unknown {
  if (configured !== 'auto') {
    const changed = verifyWith(configured, params);
    return { ...changed, _backend: configured };
  }
  const { backend, changed } = chooseBackend(params);
  return { ...changed, _backend: backend, _backend_was_auto: true };
}

const KINDS = ['json', 'regex', 'choice', 'grammar', 'json_object', 'structural_tag'] as const;

/** A response_format may have added to what was there, or brought nothing. Source: StructuredOutputsParams.__post_init__. */
function checkKinds(params: Params): void {
  const count = KINDS.filter((kind) => params[kind] !== null && params[kind] !== undefined).length;
  if (count === 1) return;
  const shown = pyRepr(params as PyValue);
  throw validationError(
    count > 1
      ? `You can only use one kind of structured outputs constraint but multiple are specified: ${shown}`
      : `You must use one kind of structured outputs constraint but none are specified: ${shown}`,
  );
}

/** What no backend is asked about. */
function checkContent(params: Params): void {
  const { choice, grammar, json, json_object: jsonObject, regex, structural_tag: tag } = params;
  if (Array.isArray(choice) && choice.length === 0)
    throw validationError("Choice '[]' cannot be an empty list");
  if (typeof grammar === 'string' && grammar.trim() === '')
    throw validationError('structured_outputs.grammar cannot be an empty string');
  if (typeof json === 'string' && json.trim() === '')
    throw validationError('structured_outputs.json cannot be an empty string');
  checkJsonNesting(json, false);
  checkJsonNesting(tag, true);
  if (jsonObject === false)
    throw validationError(
      'structured_outputs.json_object must be True if set; omit structured_outputs to disable structured outputs',
    );
  if (typeof regex === 'string' && regex.includes('\0'))
    throw validationError("structured_outputs.regex must not contain a NUL character ('\\x00')");
  if (typeof tag === 'string' && tag.trim() === '')
    throw validationError('structured_outputs.structural_tag cannot be an empty string');
}

/** xgrammar where it takes the request, else guidance, else outlines. */
function chooseBackend(params: Params): { backend: StructuredOutputBackend; changed: Params } {
  const problem = xgrammarError(params);
  if (problem === null) return { backend: 'xgrammar', changed: forXgrammar(params) };
  const backend =
    params.json && hasGuidanceUnsupported(schemaOf(params.json)) ? 'outlines' : 'guidance';
  return { backend, changed: verifyWith(backend, params) };
}

/** Throws ApiError where the backend refuses. */
function verifyWith(backend: Exclude<StructuredOutputBackend, 'auto'>, params: Params): Params {
  const error = errorOf(backend, params);
  if (error !== null) throw validationError(error);
  return backend === 'xgrammar' ? forXgrammar(params) : params;
}

function errorOf(backend: StructuredOutputBackend, params: Params): string | null {
  switch (backend) {
    case 'xgrammar':
      return xgrammarError(params);
    case 'guidance':
      return guidanceError(params);
    case 'outlines':
      return otherError(params, 'Outlines', ['json_object', 'grammar', 'structural_tag']);
    default:
      return otherError(params, 'LM Format Enforcer', ['grammar', 'structural_tag']);
  }
}

/** It has no choice of its own. */
function forXgrammar(params: Params): Params {
  return Array.isArray(params.choice)
    ? { ...params, choice: null, grammar: choiceAsGrammar(params.choice.map(String)) }
    : params;
}

function xgrammarError({
  regex,
  choice,
  json,
  grammar,
  structural_tag: tag,
}: Params): string | null {
  if (typeof regex === 'string') {
    const problem = xgrammarRegexProblem(regex);
    return problem === null ? null : `Failed to transform regex into a grammar: ${problem}`;
  }
  if (Array.isArray(choice)) return null;
  if (json !== null && json !== undefined) {
    const schema = schemaOf(json);
    if (schema === true)
      return 'Failed to transform json schema into a grammar: The schema should be a string or a Pydantic model.';
    if (hasXgrammarUnsupported(schema))
      return 'The provided JSON schema contains features not supported by xgrammar.';
    const problem = xgrammarSchemaProblem(schema);
    return problem === null ? null : `Failed to transform json schema into a grammar: ${problem}`;
  }
  if (typeof grammar === 'string')
    return xgrammarGrammarProblem(grammar) === null ? null : 'Invalid grammar specification.';
  if (typeof tag === 'string')
    return xgrammarTagProblem(tag) === null ? null : 'Invalid structural tag specification.';
  return null;
}

function guidanceError({ regex, json, grammar, structural_tag: tag }: Params): string | null {
  if (json !== null && json !== undefined) return guidanceJsonError(schemaOf(json));
  if (typeof regex === 'string') return guidanceRegexError(regex);
  if (typeof grammar === 'string') return guidanceGrammarError(grammar);
  if (typeof tag !== 'string') return null;
  let parsed: unknown;
  try {
    parsed = readPythonJson(tag);
  } catch (error) {
    return `Invalid grammar specification: ${reasonOf(error)}`;
  }
  return guidanceTagError(parsed);
}

/** Of a backend that does regexes, and schemas by way of them. */
function otherError(
  params: Params,
  name: string,
  unsupported: readonly (keyof Params)[],
): string | null {
  const { regex, json } = params;
  if (typeof regex === 'string') {
    const { rust } = parseRegex(regex);
    if (rust === null) return null;
    return name === 'Outlines'
      ? `Error parsing regex: ${rust.text}`
      : `Failed to compile regex for lm-format-enforcer: ${rust.text}`;
  }
  if (json !== null && json !== undefined) {
    const problem = name === 'Outlines' ? xgrammarSchemaProblem(schemaOf(json)) : null;
    return problem === null ? null : `Failed to transform json schema into a regex: ${problem}`;
  }
  const kind = unsupported.find((key) => params[key] !== null && params[key] !== undefined);
  return kind === undefined
    ? null
    : `${name} structured outputs backend does not support ${kind} specifications`;
}

/** Its integers as doubles. Throws ApiError for a text that is no JSON. */
function schemaOf(json: unknown): unknown {
  if (typeof json !== 'string') return withNumbers(toPlain(json as PyValue));
  try {
    return JSON.parse(json);
  } catch {
    throw validationError('Invalid JSON grammar specification.');
  }
}

function withNumbers(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withNumbers);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withNumbers(inner)]));
}
