/**
 * What vLLM answers where llguidance refuses a specification; null where it takes it.
 * Source: vllm/v1/structured_output/backend_guidance.py validate_guidance_grammar (0.33.0), llguidance (1.7.6).
 */
import { reasonOf } from '../../../shared/errors.ts';
import { pyRepr } from '../../../shared/python/str.ts';
import type { PyValue } from '../../../shared/python/values.ts';
import { parseLark } from '../../../shared/structured-output/lark-parser.ts';
import { parseRegex } from '../../../shared/structured-output/regex-parser.ts';
import { guidanceRegexWords } from '../../../shared/structured-output/regex-problem.ts';
import { gbnfProblem } from './gbnf-problem.ts';
import { guidanceSchemaProblem } from './guidance-schema.ts';

export function guidanceRegexError(pattern: string): string | null {
  const { rust } = parseRegex(pattern);
  return rust === null ? null : `Grammar error: ${guidanceRegexWords(pattern, rust)}`;
}

/** `schema`: parsed. */
export function guidanceJsonError(schema: unknown): string | null {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
    return 'Invalid grammar specification: Expecting object schema to apply options';
  const problem = guidanceSchemaProblem(schema);
  return problem === null ? null : `Grammar error: ${problem}`;
}

export function guidanceGrammarError(grammar: string): string | null {
  if (!/(?:^|\n)\s*start\s*:/.test(grammar)) {
    const problem = gbnfProblem(grammar);
    if (problem === null) return null;
    return `Invalid grammar specification: Failed to convert the grammar from GBNF to Lark: ${problem}`;
  }
  try {
    parseLark(grammar);
    return null;
  } catch (error) {
    return `Grammar error: ${larkWords(grammar, reasonOf(error))}`;
  }
}

/** Ours says line and column; llguidance shows the place, and a regex's own error. */
function larkWords(grammar: string, reason: string): string {
  const [, line = '1', column = '1', message = reason] =
    /^line (\d+), column (\d+): (.*)$/s.exec(reason) ?? [];
  const shown = grammar.split('\n')[Number(line) - 1] ?? '';
  const place = `   ${line} | ${shown}\n${' '.repeat(6 + Number(column))}^\n`;
  const name = /^unknown name '(.*)'$/.exec(message)?.[1];
  if (name !== undefined)
    return `at ${line}(${column}): unknown name: ${JSON.stringify(name)}\n${place}`;
  const pattern = /^failed to compile regular expression: .* in \/(.*)\/$/s.exec(message)?.[1];
  if (pattern !== undefined) {
    const { rust } = parseRegex(pattern);
    const start = shown.indexOf(`/${pattern}/`);
    if (rust !== null) return guidanceRegexWords(pattern, rust, { line, shown, column: start + 1 });
  }
  const char = shown[Number(column) - 1] ?? '';
  return `${line}(${column}): Expected value (at ${JSON.stringify(char)} (${pyRepr(char)}))\n${place}`;
}

/** `tag`: parsed. */
export function guidanceTagError(tag: unknown): string | null {
  if (typeof tag === 'string')
    return "Invalid grammar specification: string indices must be integers, not 'str'";
  if (Array.isArray(tag))
    return 'Invalid grammar specification: list indices must be integers or slices, not str';
  const { triggers, structures } = (tag ?? {}) as Readonly<Record<string, unknown>>;
  if (!Array.isArray(triggers)) return "Invalid grammar specification: 'triggers'";
  if (!Array.isArray(structures)) return "Invalid grammar specification: 'structures'";
  for (const structure of structures as readonly Readonly<Record<string, unknown>>[]) {
    const begin = String(structure['begin']);
    if (!triggers.some((trigger) => begin.startsWith(String(trigger))))
      return `Trigger ${begin} not found in triggers ${pyRepr(triggers as PyValue)}`;
    const error = guidanceJsonError(structure['schema']);
    if (error !== null) return error;
  }
  return structures.length === 0 ? 'No structural tags found in the grammar spec.' : null;
}
