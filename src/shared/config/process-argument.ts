/**
 * What a process of ours is started with: one word of JSON on its command line. A person who starts one by hand is told
 * in one line what it takes.
 */
import type * as v from 'valibot';
import { CONFIG_EXIT_CODE, ConfigError } from '../errors.ts';
import { parse } from '../schema.ts';

const REMEDY = '; vllm-twin serve starts this process';

/** Throws E_BAD_FLAG naming the process, the field, what it must be and what it is. */
export function parseProcessArgument<Schema extends v.GenericSchema>(
  schema: Schema,
  word: string | undefined,
  processName: string,
): v.InferOutput<Schema> {
  const whole = `${processName}'s settings`;
  if (word === undefined)
    throw new ConfigError('E_BAD_FLAG', `${whole}: expects them as one word of JSON${REMEDY}`);
  let value: unknown;
  try {
    value = JSON.parse(word);
  } catch (cause) {
    throw new ConfigError('E_BAD_FLAG', `${whole}: '${excerpt(word)}' is not JSON${REMEDY}`, {
      cause,
    });
  }
  const place = { code: 'E_BAD_FLAG', whole, noun: 'the word', remedy: REMEDY } as const;
  return parse(schema, value, place);
}

/** This process's own; where it is not as expected, the process ends with one line and exit code 2. */
export function readProcessArgument<Schema extends v.GenericSchema>(
  schema: Schema,
  processName: string,
): v.InferOutput<Schema> {
  try {
    return parseProcessArgument(schema, process.argv[2], processName);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`vllm-twin: ${error.message}\n`);
    process.exit(CONFIG_EXIT_CODE);
  }
}

const MAX_EXCERPT_CHARACTERS = 60;

function excerpt(word: string): string {
  const line = word.split('\n').join(' ');
  return line.length > MAX_EXCERPT_CHARACTERS ? `${line.slice(0, MAX_EXCERPT_CHARACTERS)}…` : line;
}
