/** A text that fulfils a constraint, drawn by a seed. */
import { parseEbnf } from './ebnf-parser.ts';
import type { Effort } from './effort.ts';
import { choice, type Grammar, GrammarError, grammarOf, text } from './grammar.ts';
import { writeDocument } from './json-schema/schema-writer.ts';
import { parseLark } from './lark-parser.ts';
import { parseRegex } from './regex-parser.ts';
import { makeSentence } from './sentence.ts';
import { parseStructuralTag } from './structural-tag.ts';
import { type Constraint, isLikelyLark } from './structured-outputs.ts';

export interface TextOptions {
  readonly seed: number;
  /** More is not written. */
  readonly maxChars: number;
  /** JSON without blanks. */
  readonly isCompact: boolean;
  /** Nothing that may be left out. */
  readonly isShortest: boolean;
  /** Characters by which it shall be longer than it need be, where it can be: longer repetitions, blanks in JSON. */
  readonly padding: number;
  /** Of the request, for all its texts. */
  readonly effort: Effort;
}

/** Throws GrammarError for what cannot be read, and where no text fulfils it, or none is found within the effort. */
export function makeConstrainedText(constraint: Constraint, options: TextOptions): string {
  const { seed, maxChars, isCompact, isShortest, padding, effort } = options;
  const shortest = isShortest ? { optionalLevels: 0 } : {};
  const generosity = isShortest ? 0 : padding;
  return makeSentence(grammarOfConstraint(constraint), {
    seed,
    maxChars,
    effort,
    ...(isShortest || padding > 0 ? { generosity } : {}),
    writeJson: (schema, prng) => {
      const document = writeDocument(schema, prng, { isCompact, maxChars, effort, ...shortest });
      return isCompact ? document : withBlanks(document, padding);
    },
  });
}

/** Behind the first bracket, where blanks mean nothing. */
function withBlanks(document: string, count: number): string {
  if (count === 0 || !/^[[{]/.test(document)) return document;
  return document.slice(0, 1) + '\n '.repeat(Math.ceil(count / 2)) + document.slice(1);
}

/** Throws GrammarError for what cannot be read. */
export function grammarOfConstraint(constraint: Constraint): Grammar {
  switch (constraint.kind) {
    case 'json':
      return grammarOf({ kind: 'json', schema: readSchema(constraint.schema) });
    case 'json_object':
      return grammarOf({ kind: 'json', schema: { type: 'object' } });
    case 'regex': {
      const { expr, xgrammar, rust } = parseRegex(constraint.pattern);
      if (xgrammar !== null && rust !== null) {
        const { position } = xgrammar;
        throw new GrammarError(`Regex parsing error at position ${position}: ${xgrammar.text}`);
      }
      return grammarOf(expr);
    }
    case 'choice':
      return grammarOf(choice(constraint.texts.map(text)));
    case 'grammar':
      return isLikelyLark(constraint.grammar)
        ? parseLark(constraint.grammar)
        : parseEbnf(constraint.grammar);
    case 'structural_tag':
      return parseStructuralTag(constraint.tag);
  }
}

function readSchema(schema: string): unknown {
  try {
    return JSON.parse(schema);
  } catch (error) {
    throw new GrammarError(`Failed to parse JSON: ${String(error)}`);
  }
}
