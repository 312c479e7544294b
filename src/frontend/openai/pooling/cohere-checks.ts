/** What the validators of the models of `/v2/embed` find wrong. Source: vllm/entrypoints/pooling/embed/protocol.py (0.33.0). */
import { get, isDict, isTruthy, type PyDict, type PyValue } from '../../../shared/python/values.ts';

/** The words of the validator of that name; null where nothing is wrong, or it is of another request. */
export function cohereEmbedFault(validator: string, model: PyValue): string | null {
  if (!isDict(model)) return null;
  if (validator === 'validate_content_payload') return contentFault(model);
  if (validator !== 'validate_input_fields') return null;
  const given = ['texts', 'images', 'inputs']
    .map((field) => get(model, field))
    .filter((value) => value !== null && value !== undefined);
  if (given.length === 1 && isTruthy(given[0] ?? null)) return null;
  return 'Exactly one of texts, images, or inputs must be provided, and it must be non-empty';
}

function contentFault(content: PyDict): string | null {
  if (get(content, 'type') === 'text')
    return (get(content, 'text') ?? null) === null
      ? "CohereEmbedContent with type='text' requires text"
      : null;
  const image = get(content, 'image_url') ?? null;
  return isDict(image) && isTruthy(get(image, 'url') ?? null)
    ? null
    : "CohereEmbedContent with type='image_url' requires image_url.url";
}
