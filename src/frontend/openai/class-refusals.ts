/**
 * What request classes refuse of themselves with a ValueError, by the name of the function that does. Pure.
 * Source: vllm/entrypoints/anthropic/protocol.py, scale_out/token_in_token_out/protocol.py,
 * openai/decisions/protocol.py; model_hosting_container_standards sagemaker/lora/models/request.py.
 */

import { pyRepr, pyStr } from '../../shared/python/str.ts';
import {
  get,
  isDict,
  isTruthy,
  type PyDict,
  type PyValue,
  toNumber,
} from '../../shared/python/values.ts';
import { cohereEmbedFault } from './pooling/cohere-checks.ts';

type Refusal = (value: PyValue, input: PyValue) => string | null;

const TOOL_CHANGES = ['tool_addition', 'tool_removal'];
const MAX_PREV_TOKENS = 1024;

const listOf = (value: PyValue): readonly PyValue[] =>
  Array.isArray(value) ? (value as readonly PyValue[]) : [];
const dictOf = (value: PyValue): PyDict => (isDict(value) ? value : {});

function refuseToolChanges(content: PyValue): string | null {
  for (const block of listOf(content)) {
    const type = get(dictOf(block), 'type');
    if (TOOL_CHANGES.includes(type as string)) {
      return `${pyStr(type)} blocks are only allowed in messages with role "system"`;
    }
  }
  return null;
}

function refuseToolChange(value: PyValue): string | null {
  const block = dictOf(value);
  const type = get(block, 'type') as string;
  if (!TOOL_CHANGES.includes(type)) return null;
  const tool = get(block, 'tool');
  if (tool === null) return `tool is required for ${type} blocks`;
  const isReference = get(dictOf(tool), 'type') === 'tool_reference';
  return type === 'tool_removal' && !isReference
    ? 'tool_removal only accepts a tool_reference'
    : null;
}

function refuseThinkingBudget(value: PyValue): string | null {
  const request = dictOf(value);
  if (isTruthy(get(dictOf(get(request, 'kv_transfer_params')), 'do_remote_decode'))) return null;
  const thinking = dictOf(get(request, 'thinking'));
  if (get(thinking, 'type') !== 'enabled') return null;
  return toNumber(thinking['budget_tokens']) >= toNumber(request['max_tokens'])
    ? 'thinking.budget_tokens must be less than max_tokens'
    : null;
}

/** Lists by modality: those of a field that is set must be as the hashes are. */
function refuseFeatures(value: PyValue): string | null {
  const features = dictOf(value);
  const hashes = dictOf(get(features, 'mm_hashes'));
  const names = Object.keys(hashes);
  const placeholders = dictOf(get(features, 'mm_placeholders'));
  const isSame = (other: PyDict) =>
    Object.keys(other).length === names.length && names.every((name) => Object.hasOwn(other, name));
  if (!isSame(placeholders)) return 'mm_hashes and mm_placeholders must use the same modalities';
  const others = ['kwargs_data', 'mm_metadata'].filter((name) => get(features, name) !== null);
  for (const name of others) {
    if (!isSame(dictOf(get(features, name))))
      return `${name} must use the same modalities as mm_hashes`;
  }
  const ranges: (readonly [number, number])[] = [];
  for (const name of names) {
    const count = listOf(get(hashes, name)).length;
    const own = listOf(get(placeholders, name));
    if (count !== own.length)
      return `${name} mm_hashes and mm_placeholders must have the same length`;
    for (const other of others) {
      if (listOf(get(dictOf(get(features, other)), name)).length !== count)
        return `${name} ${other} and mm_hashes must have the same length`;
    }
    ranges.push(...own.map((range) => rangeOf(range)));
  }
  ranges.sort(([a, b], [c, d]) => a - c || b - d);
  const overlaps = ranges.some(([, end], i) => (ranges[i + 1]?.[0] ?? end) < end);
  return overlaps ? 'mm_placeholders must be globally non-overlapping and sorted' : null;
}

function rangeOf(range: PyValue): readonly [number, number] {
  const { offset = null, length = null } = dictOf(range);
  return [toNumber(offset), toNumber(offset) + toNumber(length)];
}

function refuseFeatureBounds(value: PyValue): string | null {
  const request = dictOf(value);
  const features = get(request, 'features');
  if (features === null) return null;
  const promptLength = listOf(get(request, 'token_ids')).length;
  const ranges = Object.values(dictOf(get(dictOf(features), 'mm_placeholders'))).flatMap(listOf);
  return ranges.some((range) => rangeOf(range)[1] > promptLength)
    ? 'mm_placeholders must remain within the token_ids sequence'
    : null;
}

function refuseMetadataOnly(value: PyValue): string | null {
  const request = dictOf(value);
  const features = dictOf(get(request, 'features'));
  if (isTruthy(get(request, 'ec_transfer_params'))) return null;
  const kwargs = dictOf(get(features, 'kwargs_data'));
  for (const [name, items] of Object.entries(dictOf(get(features, 'mm_metadata')))) {
    const own = listOf(kwargs[name] ?? null);
    if (listOf(items).some((item, i) => item !== null && (own[i] ?? null) === null))
      return 'metadata-only multimodal items require ec_transfer_params';
  }
  return null;
}

const PARSE_CONTEXT_FIELDS = [
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'include_reasoning',
  'chat_template_kwargs',
  'history_tool_call_cnt',
];

function refuseParseContext(value: PyValue): string | null {
  const request = dictOf(value);
  if (get(request, 'output_mode') !== 'derender') return null;
  const context = dictOf(get(request, 'parse_context'));
  const unknown = Object.keys(context)
    .filter((name) => !PARSE_CONTEXT_FIELDS.includes(name))
    .sort();
  return unknown.length === 0
    ? null
    : `Unknown parse_context fields ${pyRepr(unknown)}; the render server is newer than this generate server`;
}

function refuseOutputMode(value: PyValue): string | null {
  const request = dictOf(value);
  const mode = get(request, 'output_mode');
  const detokenizes = dictOf(get(request, 'sampling_params'))['detokenize'] ?? true;
  return mode !== 'tokens' && detokenizes === false
    ? `output_mode=${pyRepr(mode)} requires sampling_params.detokenize to be true`
    : null;
}

function refuseDerenderLengths(value: PyValue): string | null {
  const request = dictOf(value);
  const count = listOf(get(request, 'generate_responses')).length;
  for (const name of ['prompt_tokens', 'prompt_token_ids']) {
    const list = get(request, name);
    if (list !== null && listOf(list).length !== count) {
      return `${name} length (${listOf(list).length}) must equal generate_responses length (${count})`;
    }
  }
  return null;
}

function refuseChunkLengths(value: PyValue): string | null {
  const state = dictOf(value);
  const total = listOf(get(state, 'output_chunk_lens')).reduce<number>(
    (sum, item) => sum + toNumber(item),
    0,
  );
  const count = listOf(get(state, 'output_token_ids')).length;
  return total === count
    ? null
    : `output_chunk_lens must sum to len(output_token_ids) (got sum=${total}, len(output_token_ids)=${count})`;
}

function refuseImages(value: PyValue): string | null {
  const hasImage = listOf(get(dictOf(value), 'content')).some(
    (part) => get(dictOf(part), 'type') === 'input_image',
  );
  return hasImage ? 'Decisions supports text input only; images are not supported' : null;
}

function refuseChoices(value: PyValue): string | null {
  const values = listOf(get(dictOf(value), 'choices')).map((choice) => {
    const own = get(dictOf(choice), 'value');
    return `${typeof own} ${String(own)}`;
  });
  return new Set(values).size === values.length ? null : 'choice values must be distinct';
}

/** One name, two classes: a text is an adapter's name, an object a question. */
function refuseName(value: PyValue, input: PyValue): string | null {
  if (value === '') return 'The parameter name cannot be an empty string';
  const isNull = isDict(input) && Object.hasOwn(input, 'name') && input['name'] === null;
  return isNull ? 'name must be a string when provided' : null;
}

const REFUSALS: ReadonlyMap<string, Refusal> = new Map<string, Refusal>([
  ['validate_model', (value) => (isTruthy(value) ? null : 'Model is required')],
  ['validate_max_tokens', (value) => (toNumber(value) <= 0 ? 'max_tokens must be positive' : null)],
  ['validate_system', refuseToolChanges],
  [
    'validate_tool_change_role',
    (value) => {
      const message = dictOf(value);
      return message['role'] === 'system' ? null : refuseToolChanges(get(message, 'content'));
    },
  ],
  ['validate_tool_change', refuseToolChange],
  [
    'validate_name_required_for_tool',
    (value) =>
      get(dictOf(value), 'type') === 'tool' && !isTruthy(get(dictOf(value), 'name'))
        ? "tool_choice.name is required when type is 'tool'"
        : null,
  ],
  ['validate_thinking_budget', refuseThinkingBudget],
  [
    'validate_token_ids',
    (value) =>
      listOf(value).some((id) => toNumber(id) < 0)
        ? 'token_ids must not contain negative values'
        : null,
  ],
  ['_validate_parallel_fields', refuseFeatures],
  [
    '_check_mm_fields_exclusive',
    (value) =>
      isTruthy(get(dictOf(value), 'content_parts')) && get(dictOf(value), 'features') !== null
        ? 'content_parts and features are mutually exclusive'
        : null,
  ],
  ['_require_ec_for_metadata_only', refuseMetadataOnly],
  ['_check_output_mode_detokenizes', refuseOutputMode],
  ['_check_parse_context_fields', refuseParseContext],
  ['_validate_multimodal_feature_bounds', refuseFeatureBounds],
  ['_validate_prompt_tokens_length', refuseDerenderLengths],
  ['_validate_output_chunk_lens', refuseChunkLengths],
  [
    '_bound_prev_tokens',
    (value) =>
      listOf(value).length > MAX_PREV_TOKENS
        ? `prev_tokens length (${listOf(value).length}) exceeds maximum (${MAX_PREV_TOKENS})`
        : null,
  ],
  ['reject_images', refuseImages],
  ['validate_choices', refuseChoices],
  ['validate_name', refuseName],
  [
    'validate_src',
    (value) => (value === '' ? 'The parameter src cannot be an empty string' : null),
  ],
]);

/** The words of the ValueError that the function of that name raises; null: it raises none. */
export function classRefusal(name: string, value: PyValue, input: PyValue): string | null {
  const refusal = REFUSALS.get(name);
  return refusal === undefined ? cohereEmbedFault(name, value) : refusal(value, input);
}
