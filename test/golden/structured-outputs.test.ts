/** Constraints that vLLM's backends were asked about: ours takes and refuses the same, with the same words. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ApiError } from '../../src/frontend/llm/errors.ts';
import { verifyStructuredOutputs } from '../../src/frontend/llm/structured-outputs/verify-structured-outputs.ts';

type Backend = 'auto' | 'xgrammar' | 'guidance';
type Answer = { readonly backend: string } | { readonly refused: string };

interface Case {
  readonly kind: string;
  readonly spec: unknown;
  readonly answers: Readonly<Record<Backend, Answer>>;
}

const { cases } = JSON.parse(
  readFileSync(new URL('structured-outputs.json', import.meta.url), 'utf8'),
) as { readonly cases: readonly Case[] };

/** Where llguidance's own parsers of Lark and of JSON say more than ours. */
const OTHER_WORDS: ReadonlySet<string> = new Set(['start ::= "a"', '{bad']);

function answerOf({ kind, spec }: Case, backend: Backend): Answer {
  try {
    const verified = verifyStructuredOutputs({ [kind]: spec }, backend);
    return { backend: String((verified as { _backend: unknown })._backend) };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    expect(error.info.code).toBe(400);
    return { refused: error.info.message };
  }
}

/** An error's body says no path of the server's, and no blank at its end. */
function shown(answer: Answer): Answer {
  if (!('refused' in answer)) return answer;
  return { refused: answer.refused.replace(/\/project\/cpp\/[\w.]+:/g, '<path>:').trimEnd() };
}

describe.each(['auto', 'guidance'] as const)('the backend %s', (backend) => {
  it.each(cases.map((row) => [row.kind, JSON.stringify(row.spec).slice(0, 80), row] as const))(
    'answers %s %s',
    (_kind, _spec, row) => {
      const answer = answerOf(row, backend);
      const recorded = shown(row.answers[backend]);
      if (OTHER_WORDS.has(String(row.spec)))
        expect('refused' in answer).toBe('refused' in recorded);
      else expect(answer).toEqual(recorded);
    },
  );
});

/** Its converter's positions are in grammars that it makes on the way. */
describe('the backend xgrammar', () => {
  it('takes what vLLM takes, and refuses the rest', () => {
    const wrong = cases.filter((row) => {
      const answer = answerOf(row, 'xgrammar');
      return 'refused' in answer !== 'refused' in row.answers.xgrammar;
    });
    expect(wrong.map(({ spec }) => spec)).toEqual([]);
  });
});
