import * as v from 'valibot';
import { ConfigError } from '../errors.ts';

/** A count or an index. */
export const wholeNumber = v.pipe(
  v.number(),
  v.safeInteger('a whole number'),
  v.minValue(0, 'at least 0'),
);

/**
 * What `schema` makes of a value. Throws E_BAD_FLAG with the first field that is not as expected:
 * `WHOLE: args.port must be a number, got "x"`. `remedy` is what to do about it.
 */
export function checked<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  whole: string,
  remedy = '',
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const place = v.getDotPath(issue);
  throw new ConfigError(
    'E_BAD_FLAG',
    `${whole}: ${place === null ? '' : `${place} `}${ruleOf(issue)}${remedy}`,
  );
}

/** What is wrong, as an end of a sentence that begins with the field. */
export function ruleOf(issue: v.BaseIssue<unknown>): string {
  if (issue.expected === 'never') return 'is not known';
  // valibot reports a missing field as an issue of the object around it.
  if (issue.received === 'undefined') return 'is missing';
  return `must be ${expectationOf(issue)}, got ${issue.received}`;
}

const WORDS: Readonly<Record<string, string>> = {
  boolean: 'true or false',
  string: 'a text',
  number: 'a number',
  Object: 'an object',
  Array: 'a list',
};

/** A check's own message says what it wants; a type is called by a plain word. */
function expectationOf({ kind, type, expected, message }: v.BaseIssue<unknown>): string {
  if (kind === 'validation' || type === 'custom') return message;
  return (expected ?? 'something else')
    .split(' | ')
    .map((name) => WORDS[name.replace(/[()]/g, '')] ?? name.replace(/[()]/g, ''))
    .join(' or ');
}
