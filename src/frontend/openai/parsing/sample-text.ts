/** A text that a model could write as an argument. Pure. */
import type { PyDict, PyValue } from '../../../shared/python/values.ts';

const BY_NAME: readonly (readonly [RegExp, string])[] = [
  [/city|location|place|town/i, 'Tokyo'],
  [/country/i, 'Japan'],
  [/state|region/i, 'CA'],
  [/date|day/i, '2025-01-01'],
  [/time/i, '12:00'],
  [/zone|tz/i, 'UTC'],
  [/mail/i, 'user@example.com'],
  [/url|link/i, 'https://example.com'],
  [/path|file/i, 'file.txt'],
  [/unit/i, 'celsius'],
  [/query|question|search|text|message|input/i, 'hello'],
  [/name|user/i, 'Alice'],
];

/** What the schema gives, else what the argument's name suggests. */
export function sampleText(name: string, schema: PyDict): string {
  const { const: constant, default: usual, enum: values, examples } = schema;
  const given = [constant, usual, first(examples), first(values)].find(
    (value) => typeof value === 'string' && value !== '',
  );
  if (typeof given === 'string') return given;
  return BY_NAME.find(([pattern]) => pattern.test(name))?.[1] ?? name;
}

function first(values: PyValue | undefined): PyValue | undefined {
  return Array.isArray(values) ? (values as readonly PyValue[])[0] : undefined;
}
