/**
 * What backends cannot do with a JSON schema, as vLLM knows it, and how deep one may nest.
 * Source: vllm/v1/structured_output/backend_xgrammar.py has_xgrammar_unsupported_json_features, backend_guidance.py
 * has_guidance_unsupported_json_features, vllm/sampling_params.py check_json_nesting (0.33.0).
 */
import { validationError } from '../errors.ts';

type Fields = Readonly<Record<string, unknown>>;

const MAX_NESTING = 64;
/** A structural tag wraps its schemas. */
const TAG_NESTING = 16;

const STRING_FORMATS: ReadonlySet<unknown> = new Set([
  'email',
  'date',
  'time',
  'date-time',
  'duration',
  'ipv4',
  'ipv6',
  'hostname',
  'uuid',
  'uri',
  'uri-reference',
  'uri-template',
  'json-pointer',
  'relative-json-pointer',
]);

/** Throws ApiError for a specification, or its JSON text, that nests too deeply. */
export function checkJsonNesting(spec: unknown, isStructuralTag: boolean): void {
  const limit = MAX_NESTING + (isStructuralTag ? TAG_NESTING : 0);
  const depth = typeof spec === 'string' ? textDepth(spec) : valueDepth(spec, limit + 1);
  if (depth <= limit) return;
  throw validationError(
    `The JSON schema is nested too deeply: objects and arrays may nest at most ${MAX_NESTING} levels`,
  );
}

function textDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  let isInText = false;
  // One mark a match: a text of megabytes in one match would use up the stack.
  for (const [found] of text.matchAll(/\\.|["[{\]}]/gs)) {
    if (found === '"') isInText = !isInText;
    else if (isInText) continue;
    else if (found === '[' || found === '{') depth += 1;
    else if (found === ']' || found === '}') depth -= 1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

function valueDepth(value: unknown, limit: number): number {
  if (typeof value !== 'object' || value === null || limit === 0) return 0;
  return Object.values(value).reduce<number>(
    (deepest, inner) => Math.max(deepest, 1 + valueDepth(inner, limit - 1)),
    1,
  );
}

export function hasXgrammarUnsupported(schema: unknown): boolean {
  return isAnywhere(schema, isUnsupportedByXgrammar);
}

export function hasGuidanceUnsupported(schema: unknown): boolean {
  return isAnywhere(schema, (fields) => Object.hasOwn(fields, 'patternProperties'));
}

/** In the objects of a schema, and in those of lists directly in one. */
function isAnywhere(value: unknown, test: (fields: Fields) => boolean): boolean {
  if (!isFields(value)) return false;
  if (test(value)) return true;
  return Object.values(value).some((inner) =>
    Array.isArray(inner) ? inner.some((item) => isAnywhere(item, test)) : isAnywhere(inner, test),
  );
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isUnsupportedByXgrammar(fields: Fields): boolean {
  const { type } = fields;
  const types = new Set(Array.isArray(type) ? type : [type]);
  const has = (...keys: string[]): boolean => keys.some((key) => Object.hasOwn(fields, key));
  if ((types.has('integer') || types.has('number')) && has('multipleOf')) return true;
  if (types.has('array') && has('uniqueItems', 'contains', 'minContains', 'maxContains'))
    return true;
  if (types.has('string')) {
    if (has('format') && !STRING_FORMATS.has(fields['format'])) return true;
    if (hasPatternAndLength(fields)) return true;
  }
  if (types.has('object') && isUnsupportedObject(fields)) return true;
  const { allOf } = fields;
  return Array.isArray(allOf) && allOf.length >= 2;
}

function isUnsupportedObject(fields: Fields): boolean {
  const { propertyNames, patternProperties, unevaluatedProperties = true } = fields;
  const hasProperties = Object.hasOwn(fields, 'properties');
  if (propertyNames !== undefined) {
    if (isFields(propertyNames) && hasPatternAndLength(propertyNames)) return true;
    if (patternProperties !== undefined || hasProperties) return true;
    if (unevaluatedProperties !== true) return true;
  }
  return (
    isFields(patternProperties) && (hasProperties || Object.keys(patternProperties).length > 1)
  );
}

function hasPatternAndLength(fields: Fields): boolean {
  const has = (key: string): boolean => Object.hasOwn(fields, key);
  return (has('pattern') || has('format')) && (has('minLength') || has('maxLength'));
}
