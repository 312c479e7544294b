/** The settings as one process hands them to another, in JSON: every one, of its kind. */
import * as v from 'valibot';
import { isJsonObject, type JsonObject } from '../json-object.ts';
import type { Field } from './field.ts';
import { type EngineArgs, FIELDS } from './registry.ts';

/** Values are those of a parsed command line: their limits were checked there. */
export function engineArgsSchema(): v.GenericSchema<unknown, EngineArgs> {
  const entries: v.ObjectEntries = {};
  for (const [key, field] of Object.entries<Field<unknown>>(FIELDS)) entries[key] = schemaOf(field);
  return v.pipe(
    v.unknown(),
    v.strictObject(entries),
    // The table that makes the type makes the entries too.
    v.transform((args) => Object.freeze(args) as EngineArgs),
  );
}

function schemaOf(field: Field<unknown>): v.GenericSchema {
  const isNullable =
    field.defaultValue === null ||
    field.kind === 'int_or_none' ||
    (field.kind === 'string' && field.choices !== undefined);
  return isNullable ? v.nullable(valueSchema(field)) : valueSchema(field);
}

function valueSchema({ kind, defaultValue, choices = [] }: Field<unknown>): v.GenericSchema {
  switch (kind) {
    case 'string':
    case 'choice_or_ms':
      return v.string();
    case 'strings':
      return v.array(v.string());
    case 'bool':
      return v.boolean();
    case 'choice':
      return v.picklist(choices);
    case 'json':
      return Array.isArray(defaultValue)
        ? v.array(v.string())
        : v.custom<JsonObject>(isJsonObject, 'an object');
    case 'float':
      return v.pipe(v.number(), v.finite());
    default:
      return v.pipe(v.number(), v.safeInteger('a whole number'));
  }
}
