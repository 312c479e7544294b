/**
 * Regular expressions as xgrammar and llguidance understand them: what either reads is read, and what either refuses is
 * said in its own words. A pattern means the whole text, anchors or not.
 * Source: xgrammar cpp/regex_converter.cc (0.2.8), the syntax of Rust's regex crate.
 */
import { withoutCase } from './char-classes.ts';
import {
  type CharRange,
  chars,
  choice,
  EMPTY,
  type Expr,
  joinRanges,
  otherChars,
  repeat,
  seq,
  text,
} from './grammar.ts';
import { readClass, readEscape } from './regex-class.ts';
import type { RustRegexProblem, XgrammarRegexProblem } from './regex-problem.ts';
import { RegexReader } from './regex-reader.ts';

export interface ParsedRegex {
  /** Meaningful where one of the parsers has no problem. */
  readonly expr: Expr;
  readonly xgrammar: XgrammarRegexProblem | null;
  readonly rust: RustRegexProblem | null;
}

const NEW_LINE: readonly CharRange[] = [[0x0a, 0x0a]];
/** Groups in groups; a deeper pattern would use up the stack. */
const MAX_DEPTH = 250;

export function parseRegex(pattern: string): ParsedRegex {
  const parser = new RegexParser(pattern);
  const expr = parser.parse();
  return { expr, xgrammar: parser.reader.xgrammar, rust: parser.reader.rust };
}

class RegexParser {
  readonly reader: RegexReader;
  #depth = 0;
  #ignoresCase = false;
  #dotIsAll = false;

  constructor(pattern: string) {
    this.reader = new RegexReader(pattern);
  }

  parse(): Expr {
    const { reader } = this;
    const parts = [this.#parseOptions()];
    while (!reader.isAtEnd) {
      const start = reader.position;
      reader.next();
      reader.refuseForXgrammar(start + 1, "Unmatched ')'");
      reader.refuseForRust(start, start + 1, 'unopened group');
      parts.push(this.#parseOptions());
    }
    return seq(parts);
  }

  #parseOptions(): Expr {
    const options = [this.#parseSequence()];
    while (this.reader.peek() === '|') {
      this.reader.next();
      options.push(this.#parseSequence());
    }
    return choice(options);
  }

  #parseSequence(): Expr {
    const { reader } = this;
    const items: Expr[] = [];
    while (!reader.isAtEnd && reader.peek() !== '|' && reader.peek() !== ')') {
      const item = this.#parseAtom();
      if (item !== null) items.push(this.#parseQuantifiers(item));
    }
    return items.length === 0 ? EMPTY : seq(items);
  }

  /** Null for what stands for no text at all. */
  #parseAtom(): Expr | null {
    const { reader } = this;
    const start = reader.position;
    const char = reader.next();
    switch (char) {
      case '(':
        return this.#parseGroup(start);
      case '[':
        return this.#chars(readClass(reader));
      case '.':
        return chars(otherChars(this.#dotIsAll ? [] : NEW_LINE));
      case '\\':
        return this.#parseEscape(start);
      case '^':
        if (start > 0 && !'(|'.includes(reader.pattern[start - 1] ?? ''))
          reader.refuseForGuidance('lookarounds not supported yet; Start');
        return null;
      case '$':
        if (!reader.isAtEnd && !'|)'.includes(reader.peek()))
          reader.refuseForGuidance('lookarounds not supported yet; End');
        return null;
      case '*':
      case '+':
      case '?':
        reader.refuseForXgrammar(start + 10, `Expect element, but got ${char}`);
        reader.refuseForRust(start, start + 1, 'repetition operator missing expression');
        return null;
      default:
        return this.#literal(char);
    }
  }

  #literal(char: string): Expr {
    return this.#ignoresCase && /[a-z]/i.test(char)
      ? this.#chars([[char.codePointAt(0) ?? 0, char.codePointAt(0) ?? 0]])
      : text(char);
  }

  #chars(ranges: readonly CharRange[]): Expr {
    return chars(this.#ignoresCase ? withoutCase(ranges) : joinRanges(ranges));
  }

  #parseEscape(start: number): Expr | null {
    const { reader } = this;
    if (reader.isAtEnd) {
      reader.refuseForXgrammar(start + 1, 'Escape sequence is not finished.');
      return text('\\');
    }
    const char = reader.peek();
    const ranges = readEscape(reader);
    if (ranges !== null) return this.#chars(ranges);
    if (/[1-9]/.test(char)) {
      reader.refuseForXgrammar(start + 1, 'Backreference is not supported yet.');
      reader.refuseForRust(start, reader.position, 'backreferences are not supported');
    } else if (char === 'b' || char === 'B') {
      reader.refuseForXgrammar(start + 1, 'Word boundary is not supported yet.');
      const kind = char === 'b' ? 'WordUnicode' : 'WordUnicodeNegate';
      reader.refuseForGuidance(`lookarounds not supported yet; ${kind}`);
    } else if (char === 'k') {
      reader.refuseForXgrammar(start + 1, 'Backreference is not supported yet.');
      reader.refuseForRust(start, reader.position, 'unrecognized escape sequence');
    } else if (char !== 'A' && char !== 'z') {
      // To xgrammar it is the character itself.
      reader.refuseForRust(start, reader.position, 'unrecognized escape sequence');
      return this.#literal(char);
    }
    return null;
  }

  #parseGroup(start: number): Expr {
    const { reader } = this;
    const outerCase = this.#ignoresCase;
    const outerDot = this.#dotIsAll;
    if (reader.peek() === '?' && !this.#readGroupHead(start)) return EMPTY;
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) {
      reader.fail(start, 'The regex is nested too deeply.', 'exceeded the nest limit');
      return EMPTY;
    }
    const inner = this.#parseOptions();
    this.#depth -= 1;
    this.#ignoresCase = outerCase;
    this.#dotIsAll = outerDot;
    if (reader.peek() !== ')') {
      reader.fail(start, 'The parenthesis is not closed.', 'unclosed group');
      return inner;
    }
    reader.next();
    return inner;
  }

  /** From the question mark on. False where the group was flags for what follows, and is done. */
  #readGroupHead(start: number): boolean {
    const { reader } = this;
    const head = reader.rest;
    const look = /^\?(<?[=!])/.exec(head);
    if (look !== null) {
      const isBehind = look[1]?.startsWith('<') === true;
      reader.refuseForXgrammar(
        start + 3,
        `${isBehind ? 'Lookbehind' : 'Lookahead'} is not supported yet.`,
      );
      reader.refuseForRust(
        start,
        start + 1 + look[0].length,
        'look-around, including look-ahead and look-behind, is not supported',
      );
      reader.skip(look[0].length);
      return true;
    }
    const named = /^\?(P?)<([A-Za-z_][A-Za-z0-9_]*)>/.exec(head);
    if (named !== null) {
      if (named[1] === 'P')
        reader.refuseForXgrammar(start + 3, 'Group modifier flag is not supported yet.');
      reader.skip(named[0].length);
      return true;
    }
    if (head.startsWith('?:')) {
      reader.skip(2);
      return true;
    }
    reader.refuseForXgrammar(start + 3, 'Group modifier flag is not supported yet.');
    const flags = /^\?([imsUuxR]*)(?:-([imsUuxR]+))?([:)])/.exec(head);
    if (flags === null) {
      reader.refuseForRust(start + 2, start + 3, 'unrecognized flag');
      reader.hasFailed = true;
      return false;
    }
    const [all, on = '', off = '', end] = flags;
    reader.skip(all.length);
    if (on.includes('i')) this.#ignoresCase = true;
    if (off.includes('i')) this.#ignoresCase = false;
    if (on.includes('s')) this.#dotIsAll = true;
    if (off.includes('s')) this.#dotIsAll = false;
    return end === ':';
  }

  #parseQuantifiers(atom: Expr): Expr {
    const { reader } = this;
    let item = atom;
    for (let count = 0; ; count += 1) {
      const start = reader.position;
      const bounds = this.#readQuantifier();
      if (bounds === null) return item;
      if (count > 0) {
        reader.refuseForXgrammar(
          start + 1,
          'Two consecutive repetition modifiers are not allowed.',
        );
      }
      // Lazy means the same set of texts.
      if (reader.peek() === '?') reader.next();
      item = repeat(item, bounds[0], bounds[1]);
      if (reader.hasFailed) return item;
    }
  }

  #readQuantifier(): [number, number | null] | null {
    const { reader } = this;
    const char = reader.peek();
    if (char !== '*' && char !== '+' && char !== '?' && char !== '{') return null;
    const start = reader.position;
    reader.next();
    if (char === '*') return [0, null];
    if (char === '+') return [1, null];
    if (char === '?') return [0, 1];
    const found = /^(\d+)(,?)(\d*)\}/.exec(reader.rest);
    if (found === null) {
      const isOpen = !reader.rest.includes('}');
      reader.refuseForXgrammar(reader.position + 1, 'Invalid repetition count.');
      reader.refuseForRust(
        isOpen ? start : start + 1,
        isOpen ? start + (/^\d/.test(reader.rest) ? 2 : 1) : start + 2,
        isOpen ? 'unclosed counted repetition' : 'repetition quantifier expects a valid decimal',
      );
      reader.hasFailed = true;
      return [0, 0];
    }
    reader.skip(found[0].length);
    const min = Number(found[1]);
    const max = found[2] === '' ? min : found[3] === '' ? null : Number(found[3]);
    if (max !== null && max < min) {
      reader.refuseForXgrammar(
        start + 10,
        `Lower bound is larger than upper bound: ${min} > ${max}`,
      );
      reader.refuseForRust(
        start,
        reader.position,
        'invalid repetition count range, the start must be <= the end',
      );
    }
    return [min, max];
  }
}
