import {
  OUTPUT_FORM_KEY,
  type OutputForm,
  type OutputSegment,
} from '../../shared/protocol/output-form.ts';
import { constraintOf } from '../../shared/structured-output/structured-outputs.ts';
import { StructuredOutputError } from './structured-output-error.ts';

/** Far more than a hundred parallel calls of tools have. */
const MAX_SEGMENTS = 4096;

/**
 * Reads what stands under the key: our frontend writes it, but extra_args are the client's, who may write anything. Null
 * where nothing stands there. Throws StructuredOutputError for what is no output form.
 */
export function readOutputForm(value: unknown): OutputForm | null {
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value)) refuse('must be a list of segments');
  if (value.length > MAX_SEGMENTS) refuse(`must have at most ${MAX_SEGMENTS} segments`);
  return value.map((segment, index) => readSegment(segment, index, index === value.length - 1));
}

function readSegment(segment: unknown, index: number, isLast: boolean): OutputSegment {
  const fields = (typeof segment === 'object' ? segment : null) ?? {};
  const { text, free, structured } = fields as Readonly<Record<string, unknown>>;
  if (typeof text === 'string') return { text };
  if (typeof free === 'number' && Number.isInteger(free) && free >= 0) return { free };
  if (free === null && isLast) return { free };
  if (typeof structured === 'object' && structured !== null && constraintOf(structured) !== null)
    return { structured };
  return refuse(
    `segment ${index} must be a text, a number of free tokens (null for the last), or a structured output`,
  );
}

function refuse(problem: string): never {
  throw new StructuredOutputError(`${OUTPUT_FORM_KEY} ${problem}`);
}
