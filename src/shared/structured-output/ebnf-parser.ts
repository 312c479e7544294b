/**
 * Grammars in xgrammar's EBNF (that of llama.cpp, GBNF): `rule ::= "text" | [a-z]* ( … )+ name{2,3}`. The root rule is
 * called root. Source: xgrammar cpp/grammar_parser.cc (0.2.8). Leaves out: its macros (TagDispatch and the like).
 */
import {
  type CharRange,
  chars,
  choice,
  EMPTY,
  type Expr,
  type Grammar,
  otherChars,
  repeat,
  seq,
  text,
} from './grammar.ts';
import { readTextEscape, TextScanner } from './text-scanner.ts';

const ROOT = 'root';
/** In parentheses; deeper would use up the stack. */
const MAX_DEPTH = 250;

/** Throws GrammarError with line and column. */
export function parseEbnf(source: string): Grammar {
  return new EbnfParser(source).parse();
}

class EbnfParser {
  readonly #scanner: TextScanner;
  readonly #rules = new Map<string, Expr>();
  readonly #references: { readonly name: string; readonly position: number }[] = [];
  #depth = 0;

  constructor(source: string) {
    this.#scanner = new TextScanner(source, ['#']);
  }

  parse(): Grammar {
    const scanner: TextScanner = this.#scanner;
    scanner.skipBlanks();
    while (!scanner.isAtEnd) {
      this.#parseRule();
      scanner.skipBlanks();
    }
    for (const { name, position } of this.#references) {
      if (this.#rules.has(name)) continue;
      scanner.position = position;
      scanner.fail(`Rule "${name}" is not defined`);
    }
    if (!this.#rules.has(ROOT)) {
      scanner.position = 0;
      scanner.fail(`The root rule with name "${ROOT}" is not found`);
    }
    return { root: { kind: 'rule', name: ROOT }, rules: this.#rules };
  }

  #parseRule(): void {
    const scanner: TextScanner = this.#scanner;
    const start = scanner.position;
    const name = scanner.match(NAME)?.[0];
    if (name === undefined) scanner.fail('Expect rule name');
    scanner.skipBlanks();
    if (!scanner.take('::=')) scanner.fail('Expect ::=');
    const expr = this.#parseChoice();
    if (this.#rules.has(name)) {
      scanner.position = start;
      scanner.fail(`Rule "${name}" is defined multiple times`);
    }
    this.#rules.set(name, expr);
  }

  #parseChoice(): Expr {
    const options = [this.#parseSequence()];
    this.#scanner.skipBlanks();
    while (this.#scanner.take('|')) {
      options.push(this.#parseSequence());
      this.#scanner.skipBlanks();
    }
    return choice(options);
  }

  #parseSequence(): Expr {
    const scanner: TextScanner = this.#scanner;
    const items: Expr[] = [];
    for (;;) {
      scanner.skipBlanks();
      if (scanner.take('(=')) {
        // What must follow is a hint for the matcher and no text.
        this.#parseChoice();
        this.#close();
        continue;
      }
      const isOver = scanner.isAtEnd || scanner.peek() === '|' || scanner.peek() === ')';
      if (isOver || (items.length > 0 && this.#isAtRule())) break;
      items.push(this.#parseQuantifier(this.#parseElement()));
    }
    if (items.length === 0) {
      if (scanner.isAtEnd || scanner.peek() === ')' || scanner.peek() === '|')
        scanner.fail(`Expect element, but got ${scanner.peek()}`);
    }
    return seq(items);
  }

  /** A name in front of `::=` begins the next rule. */
  #isAtRule(): boolean {
    const scanner: TextScanner = this.#scanner;
    const start = scanner.position;
    const isRule = scanner.match(/[A-Za-z_][\w.-]*\s*::=/y) !== null;
    scanner.position = start;
    return isRule;
  }

  #parseElement(): Expr {
    const scanner: TextScanner = this.#scanner;
    const start = scanner.position;
    if (scanner.take('"')) return text(this.#parseString());
    if (scanner.take('[')) return this.#parseClass();
    if (scanner.take('.')) return chars(otherChars([]));
    if (scanner.take('(')) {
      scanner.skipBlanks();
      if (scanner.take(')')) return EMPTY;
      this.#depth += 1;
      if (this.#depth > MAX_DEPTH) scanner.fail('The grammar is nested too deeply');
      const inner = this.#parseChoice();
      this.#depth -= 1;
      this.#close();
      return inner;
    }
    const name = scanner.match(NAME)?.[0];
    if (name === undefined) scanner.fail(`Unexpected character: ${scanner.peek()}`);
    if (scanner.peek() === '(') scanner.fail(`Unknown macro name: ${name}`);
    this.#references.push({ name, position: start });
    return { kind: 'rule', name };
  }

  #close(): void {
    this.#scanner.skipBlanks();
    if (!this.#scanner.take(')')) this.#scanner.fail('Expect )');
  }

  #parseString(): string {
    const scanner: TextScanner = this.#scanner;
    let value = '';
    while (!scanner.take('"')) {
      if (scanner.isAtEnd || scanner.peek() === '\n') scanner.fail('Expect " in string literal');
      value += this.#parseChar();
    }
    return value;
  }

  #parseClass(): Expr {
    const scanner: TextScanner = this.#scanner;
    const isNegated = scanner.take('^');
    const ranges: CharRange[] = [];
    while (!scanner.take(']')) {
      if (scanner.isAtEnd) scanner.fail('Unterminated character class');
      const first = this.#parseChar().codePointAt(0) ?? 0;
      let last = first;
      if (scanner.peek() === '-' && scanner.peek(1) !== ']' && scanner.peek(1) !== '') {
        scanner.position += 1;
        last = this.#parseChar().codePointAt(0) ?? 0;
        if (last < first)
          scanner.fail('Invalid character class: lower bound is larger than upper bound');
      }
      ranges.push([first, last]);
    }
    return chars(isNegated ? otherChars(ranges) : ranges);
  }

  #parseChar(): string {
    const scanner: TextScanner = this.#scanner;
    if (scanner.take('\\')) return readTextEscape(scanner, true);
    const point = scanner.source.codePointAt(scanner.position) ?? 0;
    const char = String.fromCodePoint(point);
    scanner.position += char.length;
    return char;
  }

  #parseQuantifier(atom: Expr): Expr {
    const scanner: TextScanner = this.#scanner;
    let item = atom;
    for (;;) {
      if (scanner.take('*')) item = repeat(item, 0, null);
      else if (scanner.take('+')) item = repeat(item, 1, null);
      else if (scanner.take('?')) item = repeat(item, 0, 1);
      else if (scanner.peek() === '{') {
        const found = scanner.match(/\{\s*(\d+)\s*(,?)\s*(\d*)\s*\}/y);
        if (found === null) scanner.fail('Invalid repetition count');
        const min = Number(found[1]);
        const max = found[2] === '' ? min : found[3] === '' ? null : Number(found[3]);
        if (max !== null && max < min)
          scanner.fail(`Lower bound is larger than upper bound: ${min} > ${max}`);
        item = repeat(item, min, max);
      } else return item;
    }
  }
}

const NAME = /[A-Za-z_][\w.-]*/y;
