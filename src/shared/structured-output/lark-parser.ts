/**
 * Grammars in Lark's syntax, as xgrammar and llguidance read them: rules and terminals (`start: WORD "," rule*`), strings,
 * regexes, ranges, `~2..3`, `%import common`, `%ignore`, `%json`.
 * Source: xgrammar Grammar.from_lark (0.2.8). Leaves out: templates, priorities' effect, what `%ignore` lets stand between.
 */
import {
  chars,
  choice,
  type Expr,
  type Grammar,
  GrammarError,
  repeat,
  seq,
  text,
} from './grammar.ts';
import { commonTerminal } from './lark-terminals.ts';
import { parseRegex } from './regex-parser.ts';
import { readTextEscape, TextScanner } from './text-scanner.ts';

const START = 'start';

/** Throws GrammarError with line and column. */
export function parseLark(source: string): Grammar {
  return new LarkParser(source).parse();
}

class LarkParser {
  readonly #scanner: TextScanner;
  readonly #rules = new Map<string, Expr>();
  readonly #references: { readonly name: string; readonly position: number }[] = [];

  constructor(source: string) {
    this.#scanner = new TextScanner(source, ['//', '#']);
  }

  parse(): Grammar {
    const scanner: TextScanner = this.#scanner;
    scanner.skipBlanks();
    while (!scanner.isAtEnd) {
      if (scanner.peek() === '%') this.#parseDirective();
      else this.#parseRule();
      scanner.skipBlanks();
    }
    for (const { name, position } of this.#references) {
      if (this.#rules.has(name)) continue;
      scanner.position = position;
      scanner.fail(`unknown name '${name}'`);
    }
    if (!this.#rules.has(START)) {
      scanner.position = 0;
      scanner.fail('no start rule found');
    }
    return { root: { kind: 'rule', name: START }, rules: this.#rules };
  }

  #parseDirective(): void {
    const scanner: TextScanner = this.#scanner;
    const found = scanner.match(/%import\s+([\w.]+)(?:\s*->\s*(\w+))?/y);
    if (found !== null) {
      this.#import(found[1] ?? '', found[2] ?? null);
      return;
    }
    const many = scanner.match(/%import\s+common\s*\(([^)]*)\)/y);
    if (many !== null) {
      for (const name of (many[1] ?? '').split(',')) this.#import(`common.${name.trim()}`, null);
      return;
    }
    if (scanner.match(/%(?:ignore|override|llguidance|declare)\b[^\n]*/y) !== null) return;
    scanner.fail('unknown directive');
  }

  #import(path: string, alias: string | null): void {
    const name = path.replace(/^common\./, '');
    const terminal = commonTerminal(name);
    if (terminal === null) this.#scanner.fail(`unknown common terminal '${name}'`);
    this.#rules.set(alias ?? name, terminal);
  }

  #parseRule(): void {
    const scanner: TextScanner = this.#scanner;
    const name = scanner.match(/[?!]{0,2}([A-Za-z_]\w*)/y)?.[1];
    if (name === undefined) scanner.fail('expected a rule name');
    scanner.match(/\.-?\d+/y);
    if (scanner.peek() === '[') scanner.match(/\[[^\]]*\]/y);
    scanner.skipBlanks(false);
    if (!scanner.take(':')) scanner.fail("expected ':' after rule name");
    if (this.#rules.has(name)) scanner.fail(`duplicate rule '${name}'`);
    this.#rules.set(name, this.#parseChoice());
  }

  #parseChoice(): Expr {
    const scanner: TextScanner = this.#scanner;
    const options = [this.#parseSequence()];
    for (;;) {
      const start = scanner.position;
      scanner.skipBlanks();
      if (!scanner.take('|')) {
        scanner.position = start;
        return choice(options);
      }
      options.push(this.#parseSequence());
    }
  }

  #parseSequence(): Expr {
    const scanner: TextScanner = this.#scanner;
    const items: Expr[] = [];
    for (;;) {
      scanner.skipBlanks(false);
      scanner.match(/->\s*\w+/y);
      scanner.skipBlanks(false);
      if (scanner.isAtEnd || '\n|)]'.includes(scanner.peek())) return seq(items);
      items.push(this.#parseQuantifier(this.#parseValue()));
    }
  }

  #parseValue(): Expr {
    const scanner: TextScanner = this.#scanner;
    const start = scanner.position;
    if (scanner.take('(')) return this.#parseGroup(')');
    if (scanner.take('[')) return repeat(this.#parseGroup(']'), 0, 1);
    if (scanner.peek() === '"') return this.#parseString();
    if (scanner.peek() === '/') return this.#parseRegexValue();
    if (scanner.take('%json')) return { kind: 'json', schema: this.#parseJson() };
    // A special token, by its text.
    const special = scanner.match(/<[^>\s][^>]*>/y)?.[0];
    if (special !== undefined) return text(special);
    const name = scanner.match(/[A-Za-z_]\w*/y)?.[0];
    if (name === undefined) scanner.fail('expected grammar expression');
    if (/[ \t]*:/y.test(scanner.source.slice(scanner.position)) && scanner.peek() === ':')
      scanner.fail('expected grammar expression');
    this.#references.push({ name, position: start });
    return { kind: 'rule', name };
  }

  #parseGroup(end: string): Expr {
    const scanner: TextScanner = this.#scanner;
    const inner = this.#parseChoice();
    scanner.skipBlanks();
    if (!scanner.take(end)) scanner.fail(`expected '${end}'`);
    return inner;
  }

  #parseString(): Expr {
    const scanner: TextScanner = this.#scanner;
    const first = this.#parseQuoted();
    if (scanner.take('..')) {
      const last = this.#parseQuoted();
      const from = first.codePointAt(0);
      const to = last.codePointAt(0);
      if (from === undefined || to === undefined || from > to) scanner.fail('invalid range');
      return chars([[from, to]]);
    }
    if (!scanner.take('i')) return text(first);
    return seq(
      [...first].map((char) =>
        choice([...new Set([char.toLowerCase(), char.toUpperCase()])].map(text)),
      ),
    );
  }

  #parseQuoted(): string {
    const scanner: TextScanner = this.#scanner;
    if (!scanner.take('"')) scanner.fail('expected a string');
    let value = '';
    while (!scanner.take('"')) {
      if (scanner.isAtEnd || scanner.peek() === '\n') scanner.fail('unterminated string');
      if (scanner.take('\\')) value += readTextEscape(scanner);
      else {
        value += scanner.peek();
        scanner.position += 1;
      }
    }
    return value;
  }

  #parseRegexValue(): Expr {
    const scanner: TextScanner = this.#scanner;
    const found = scanner.match(/\/((?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])*)\/([imslux]*)/y);
    const loose = found ?? scanner.match(/\/((?:\\.|[^/\\\n])+)\/([imslux]*)/y);
    if (loose === null) scanner.fail('unterminated regular expression');
    const flags = (loose[2] ?? '').replace(/[lux]/g, '');
    const pattern = (loose[1] ?? '').replace(/\\\//g, '/');
    const { expr, xgrammar, rust } = parseRegex(flags === '' ? pattern : `(?${flags})${pattern}`);
    if (xgrammar !== null && rust !== null)
      scanner.fail(`failed to compile regular expression: ${xgrammar.text} in /${pattern}/`);
    return expr;
  }

  /** The document that stands here: up to where its brackets are closed. */
  #parseJson(): unknown {
    const scanner: TextScanner = this.#scanner;
    scanner.skipBlanks();
    const start = scanner.position;
    let depth = 0;
    do {
      const string = scanner.match(/"(?:\\.|[^"\\])*"/y);
      if (string !== null) continue;
      const char = scanner.peek();
      if (char === '{' || char === '[') depth += 1;
      if (char === '}' || char === ']') depth -= 1;
      scanner.position += 1;
    } while (depth > 0 && !scanner.isAtEnd);
    try {
      return JSON.parse(scanner.source.slice(start, scanner.position));
    } catch (error) {
      throw new GrammarError(`invalid JSON schema: ${String(error)}`);
    }
  }

  #parseQuantifier(atom: Expr): Expr {
    const scanner: TextScanner = this.#scanner;
    if (scanner.take('*')) return repeat(atom, 0, null);
    if (scanner.take('+')) return repeat(atom, 1, null);
    if (scanner.take('?')) return repeat(atom, 0, 1);
    const found =
      scanner.match(/\s*~\s*(\d+)(?:\.\.(\d+))?/y) ?? scanner.match(/\{(\d+)(?:,(\d*))?\}/y);
    if (found === null) return atom;
    const min = Number(found[1]);
    const max = found[2] === undefined ? min : found[2] === '' ? null : Number(found[2]);
    // `{2,}` has no second number, `{2}` not even a comma.
    const isOpen = found[2] === undefined && found[0].includes(',');
    if (max !== null && max < min) scanner.fail('invalid range of repetitions');
    return repeat(atom, min, isOpen ? null : max);
  }
}
