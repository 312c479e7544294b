import { DURATION_FORM } from '../duration.ts';
import type { JsonObject } from '../json-object.ts';
import type { FaultParameter, FaultParameters } from './parameter.ts';

/** The JSON Schema of a fault's parameters. */
export function parametersSchema(parameters: FaultParameters): JsonObject {
  const entries = Object.entries(parameters);
  const required = entries.filter(([, one]) => one.default === undefined).map(([name]) => name);
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(entries.map(([name, one]) => [name, schemaOf(one)])),
    ...(required.length === 0 ? {} : { required }),
  };
}

function schemaOf(parameter: FaultParameter): JsonObject {
  const fallback =
    parameter.default === undefined || parameter.default === null
      ? {}
      : { default: parameter.default };
  return { ...typeOf(parameter), description: parameter.doc, ...fallback };
}

function typeOf(parameter: FaultParameter): JsonObject {
  switch (parameter.type) {
    case 'integer':
    case 'number':
      return {
        type: parameter.type,
        minimum: parameter.min,
        maximum: parameter.max,
        ...(parameter.unit === undefined ? {} : { 'x-unit': parameter.unit }),
      };
    case 'duration':
      return {
        anyOf: [
          { type: 'number', minimum: parameter.minMs, maximum: parameter.maxMs },
          { type: 'string', pattern: '^\\d+(\\.\\d+)?\\s*(ms|s|m|h|d)?$' },
        ],
        'x-unit': 'milliseconds',
        'x-form': DURATION_FORM,
      };
    case 'choice':
      return { enum: parameter.choices };
    case 'boolean':
      return { type: 'boolean' };
    case 'ranks':
      return {
        type: 'array',
        items: { type: 'integer', minimum: 0 },
        uniqueItems: true,
        minItems: 1,
      };
    case 'text':
      return {
        type: 'string',
        minLength: 1,
        maxLength: parameter.maxLength,
        ...(parameter.pattern === undefined ? {} : { pattern: parameter.pattern.source }),
      };
    case 'json':
      return {};
  }
}
