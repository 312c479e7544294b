/**
 * A text that a grammar allows, drawn by a seed: short where the grammar leaves the length open, and always with an end,
 * since past a depth or a length the shortest way is taken.
 */
import { Prng } from '../prng.ts';
import type { Effort } from './effort.ts';
import { type CharRange, type Expr, type Grammar, GrammarError } from './grammar.ts';
import { shortestLengths } from './shortest.ts';
import { pickWord, proseOf } from './words.ts';

export interface SentenceOptions {
  readonly seed: number;
  /** More is not written: the text is then cut, which max_tokens does anyway. */
  readonly maxChars: number;
  /** Of a schema's document; its own size and depth are its writer's business. */
  readonly writeJson: (schema: unknown, prng: Prng) => string;
  readonly effort: Effort;
  /** How many more than needed repetitions may take, 0 for none. */
  readonly generosity?: number;
}

/** Rules in rules after which the shortest way out is taken. */
const MAX_DEPTH = 12;
/** Characters after which the shortest way out is taken. */
const ROOMY_CHARS = 400;
const DEFAULT_GENEROSITY = 4;

/** Throws GrammarError where no text follows the grammar, or none is found within the effort. */
export function makeSentence(grammar: Grammar, options: SentenceOptions): string {
  const writer = new SentenceWriter(grammar, options);
  return writer.write();
}

class SentenceWriter {
  readonly #grammar: Grammar;
  readonly #options: SentenceOptions;
  readonly #prng: Prng;
  readonly #lengthOf: (expr: Expr) => number;
  #text = '';

  constructor(grammar: Grammar, options: SentenceOptions) {
    this.#grammar = grammar;
    this.#options = options;
    this.#prng = new Prng(options.seed);
    this.#lengthOf = shortestLengths(grammar, options.effort);
  }

  write(): string {
    const { root } = this.#grammar;
    if (this.#lengthOf(root) === Infinity)
      throw new GrammarError('the grammar allows no text that ends');
    this.#write(root, 0);
    return this.#text.slice(0, this.#options.maxChars);
  }

  get #isFull(): boolean {
    return this.#text.length >= this.#options.maxChars;
  }

  #isShort(depth: number): boolean {
    return depth > MAX_DEPTH || this.#text.length > ROOMY_CHARS;
  }

  #write(expr: Expr, depth: number): void {
    if (this.#isFull) return;
    this.#options.effort.spend();
    switch (expr.kind) {
      case 'text':
        this.#text += expr.text;
        break;
      case 'chars':
        this.#text += pickChar(expr.ranges, this.#prng);
        break;
      case 'seq':
        for (const item of expr.items) this.#write(item, depth);
        break;
      case 'choice':
        this.#write(this.#pickOption(expr.options, depth), depth + 1);
        break;
      case 'repeat':
        this.#repeat(expr, depth);
        break;
      case 'rule':
        this.#write(ruleOf(this.#grammar, expr.name), depth + 1);
        break;
      case 'json':
        this.#text += this.#options.writeJson(expr.schema, this.#prng);
        break;
      case 'prose':
        this.#text += proseOf(this.#prng, expr.until);
        break;
    }
  }

  #pickOption(options: readonly Expr[], depth: number): Expr {
    const possible = options.filter((option) => this.#lengthOf(option) < Infinity);
    if (this.#isShort(depth)) {
      return possible.reduce((best, option) =>
        this.#lengthOf(option) < this.#lengthOf(best) ? option : best,
      );
    }
    const picked = possible[Math.floor(this.#prng.nextFloat() * possible.length)];
    if (picked === undefined) throw new GrammarError('a choice has no option that ends');
    return picked;
  }

  #repeat(expr: Extract<Expr, { kind: 'repeat' }>, depth: number): void {
    const { item, min, max } = expr;
    const spare = max === null ? Number.MAX_SAFE_INTEGER : max - min;
    let count = min;
    if (!this.#isShort(depth) && spare > 0 && this.#lengthOf(item) < Infinity) {
      // A word is some letters; of anything longer one more is enough.
      const generosity = this.#options.generosity ?? DEFAULT_GENEROSITY;
      const most = item.kind === 'chars' ? generosity : Math.min(1, generosity);
      count += Math.min(spare, Math.floor(this.#prng.nextFloat() * (most + 1)));
    }
    if (item.kind === 'chars' && hasLetters(item.ranges) && count <= ROOMY_CHARS) {
      this.#text += wordOf(count, this.#prng);
      return;
    }
    for (let i = 0; i < count && !this.#isFull; i += 1) this.#write(item, depth + 1);
  }
}

/** Throws GrammarError for an unknown name. */
function ruleOf(grammar: Grammar, name: string): Expr {
  const rule = grammar.rules.get(name);
  if (rule === undefined) throw new GrammarError(`Rule "${name}" is not defined`);
  return rule;
}

function hasLetters(ranges: readonly CharRange[]): boolean {
  return ranges.some(([first, last]) => first <= 0x61 && last >= 0x7a);
}

/** So many letters, of words. */
function wordOf(length: number, prng: Prng): string {
  let word = '';
  while (word.length < length) word += pickWord(prng);
  return word.slice(0, length);
}

/** What reads best comes first: letters, then digits, then what can be printed, then anything. */
const PREFERRED: readonly CharRange[] = [
  [0x61, 0x7a],
  [0x41, 0x5a],
  [0x30, 0x39],
  [0x21, 0x7e],
  [0x20, 0x20],
  [0xa1, 0xd7ff],
];

function pickChar(ranges: readonly CharRange[], prng: Prng): string {
  for (const [low, high] of PREFERRED) {
    const within: CharRange[] = [];
    for (const [first, last] of ranges) {
      if (first <= high && last >= low) within.push([Math.max(first, low), Math.min(last, high)]);
    }
    if (within.length > 0) return drawChar(within, prng);
  }
  if (ranges.length === 0) throw new GrammarError('a class of characters is empty');
  return drawChar(ranges, prng);
}

function drawChar(ranges: readonly CharRange[], prng: Prng): string {
  const size = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  let index = Math.floor(prng.nextFloat() * size);
  for (const [first, last] of ranges) {
    if (index <= last - first) return String.fromCodePoint(first + index);
    index -= last - first + 1;
  }
  return '';
}
