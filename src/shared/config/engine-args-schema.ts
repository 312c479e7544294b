/** The settings as one process hands them to another, in JSON: every one, of its kind. */
import * as v from 'valibot';
import {
  anyInteger,
  anyObject,
  boolean,
  number,
  oneOf,
  onlyFields,
  string,
  strings,
} from '../schema.ts';
import type { Field } from './field.ts';
import { type EngineArgs, FIELDS } from './registry.ts';

/** Values are those of a parsed command line: their limits were checked there. */
export function engineArgsSchema(): v.GenericSchema<unknown, EngineArgs> {
  const entries: v.ObjectEntries = {};
  for (const [key, field] of Object.entries<Field<unknown>>(FIELDS)) entries[key] = schemaOf(field);
  return v.pipe(
    v.unknown(),
    onlyFields(entries),
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
      return string;
    case 'strings':
      return strings;
    case 'ints':
      return v.array(anyInteger(), 'a list of whole numbers');
    case 'bool':
      return boolean;
    case 'choice':
      return oneOf(choices);
    case 'json':
      return Array.isArray(defaultValue) ? strings : anyObject;
    case 'float':
      return v.pipe(number, v.finite('a finite number'));
    default:
      return anyInteger();
  }
}
