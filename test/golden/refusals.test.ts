/**
 * Every configuration that vLLM 0.33.0 was recorded refusing, with its words: what follows `Value error, ` or `Assertion
 * failed, ` in pydantic's frame, or the text of the exception (capacity-2.json, `refused`).
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { deriveModelCase } from '../../src/capacity/file/model-case.ts';
import { ConfigError } from '../../src/shared/errors.ts';

interface RefusedRecord {
  readonly id: string;
  /** Python's exception and its text, cut after some hundred characters. */
  readonly refused: string;
  readonly model: object;
}

const { refused } = JSON.parse(
  readFileSync(new URL('./capacity-2.json', import.meta.url), 'utf8'),
) as { refused: readonly RefusedRecord[] };

/** The sentence alone. */
function wordsOf(text: string): string {
  const framed = /(?:Value error|Assertion failed), ([\s\S]*)/.exec(text)?.[1] ?? text;
  return framed
    .replace(/ \[type=[\s\S]*/, '')
    .replace(/^\w+Error: /, '')
    .trim();
}

function refusalOf({ id, model }: RefusedRecord): ConfigError {
  try {
    deriveModelCase({ id, record: { id, model } }, 'capacity-2.json');
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  return expect.fail(`${id} is planned`);
}

describe('recorded refusals', () => {
  it('are 11', () => {
    expect(refused).toHaveLength(11);
  });

  it.each(refused.map((record) => [record.id, record] as const))('%s', (_, record) => {
    const { message } = refusalOf(record);
    expect(message).toContain(wordsOf(record.refused));
    expect(message).not.toContain('\n');
  });
});
