/**
 * Whether a text can be the beginning of one that a grammar allows, character by character: Earley's algorithm, which
 * takes every grammar, left recursion included. A schema's documents count as JSON of the right type.
 */
import { type CharRange, type Expr, type Grammar, GrammarError, isInRanges } from './grammar.ts';
import { jsonExpr } from './json-expr.ts';

/** A character of any of the ranges, or the number of a rule. */
type GrammarSymbol = readonly CharRange[] | number;
type Production = readonly GrammarSymbol[];

interface Item {
  readonly rule: number;
  readonly production: Production;
  readonly dot: number;
  /** Characters read where it began. */
  readonly start: number;
}

/** Repetitions that are written out; more count as without end. */
const MAX_WRITTEN_OUT = 1000;

export class Recognizer {
  readonly #rules: Production[][] = [];
  readonly #named = new Map<string, number>();
  readonly #nullable: readonly boolean[];
  readonly #grammar: Grammar;
  /** One list of items a character read, and one for the start. */
  #sets: Item[][];

  constructor(grammar: Grammar) {
    this.#grammar = grammar;
    const root = this.#ruleOf(grammar.root);
    this.#nullable = findNullable(this.#rules);
    this.#sets = [this.#close(this.#predictions(root, 0), 0)];
  }

  /** What has been read may be all. */
  get isComplete(): boolean {
    return this.#last.some(
      ({ rule, start, dot, production }) => rule === 0 && start === 0 && dot === production.length,
    );
  }

  get #last(): readonly Item[] {
    return this.#sets[this.#sets.length - 1] ?? [];
  }

  /** False, and as if nothing had been read, where the text cannot go on like that. */
  accept(text: string): boolean {
    const before = this.#sets.length;
    for (const char of text) {
      if (this.#read(char.codePointAt(0) ?? 0)) continue;
      this.#sets.length = before;
      return false;
    }
    return true;
  }

  /** The place, to come back to. */
  get position(): number {
    return this.#sets.length;
  }

  /** Forgets what was read since. */
  rollBack(position: number): void {
    this.#sets.length = position;
  }

  #read(codePoint: number): boolean {
    const moved: Item[] = [];
    for (const item of this.#last) {
      const symbol = item.production[item.dot];
      if (typeof symbol === 'object' && isInRanges(symbol, codePoint))
        moved.push({ ...item, dot: item.dot + 1 });
    }
    if (moved.length === 0) return false;
    this.#sets.push(this.#close(moved, this.#sets.length));
    return true;
  }

  /** The items with all that they call for and complete. */
  #close(items: Item[], position: number): Item[] {
    const known = new Map<Production, Set<number>>();
    const set: Item[] = [];
    const add = (item: Item): void => {
      const places = known.get(item.production) ?? new Set<number>();
      known.set(item.production, places);
      const place = item.start * 4096 + item.dot;
      if (places.has(place)) return;
      places.add(place);
      set.push(item);
    };
    for (const item of items) add(item);
    // Grows while it is walked.
    for (let index = 0; index < set.length; index += 1) {
      const item = set[index];
      if (item === undefined) break;
      const symbol = item.production[item.dot];
      if (symbol === undefined) {
        const from = item.start === position ? set : (this.#sets[item.start] ?? []);
        for (const caller of from.slice()) {
          if (caller.production[caller.dot] === item.rule) add({ ...caller, dot: caller.dot + 1 });
        }
      } else if (typeof symbol === 'number') {
        for (const predicted of this.#predictions(symbol, position)) add(predicted);
        if (this.#nullable[symbol] === true) add({ ...item, dot: item.dot + 1 });
      }
    }
    return set;
  }

  #predictions(rule: number, start: number): Item[] {
    return (this.#rules[rule] ?? []).map((production) => ({ rule, production, dot: 0, start }));
  }

  #ruleOf(expr: Expr): number {
    const rule = this.#rules.length;
    const productions: Production[] = [];
    this.#rules.push(productions);
    if (expr.kind === 'choice') {
      for (const option of expr.options) productions.push(this.#production(option));
    } else productions.push(this.#production(expr));
    return rule;
  }

  #production(expr: Expr): Production {
    switch (expr.kind) {
      case 'text':
        return [...expr.text].map((char) => {
          const point = char.codePointAt(0) ?? 0;
          return [[point, point]] as const;
        });
      case 'chars':
        return [expr.ranges];
      case 'seq':
        return expr.items.flatMap((item) => this.#production(item));
      case 'choice':
        return [this.#ruleOf(expr)];
      case 'repeat':
        return this.#repetition(expr);
      case 'rule':
        return [this.#namedRule(expr.name)];
      case 'json':
        return this.#production(jsonExpr(expr.schema));
      case 'prose':
        return [this.#starOf([[[0, 0x10ffff]]])];
    }
  }

  #namedRule(name: string): number {
    const known = this.#named.get(name);
    if (known !== undefined) return known;
    const rule = this.#rules.length;
    this.#named.set(name, rule);
    const productions: Production[] = [];
    this.#rules.push(productions);
    const expr = this.#grammar.rules.get(name);
    if (expr === undefined) throw new GrammarError(`Rule "${name}" is not defined`);
    productions.push(this.#production(expr));
    return rule;
  }

  #repetition({ item, min, max }: Extract<Expr, { kind: 'repeat' }>): Production {
    const once = this.#production(item);
    const symbols: GrammarSymbol[] = [];
    for (let i = 0; i < Math.min(min, MAX_WRITTEN_OUT); i += 1) symbols.push(...once);
    const spare = max === null ? Infinity : max - min;
    if (spare > MAX_WRITTEN_OUT) symbols.push(this.#starOf(once));
    else if (spare > 0) symbols.push(this.#upTo(once, spare));
    return symbols;
  }

  #starOf(once: Production): number {
    const rule = this.#rules.length;
    this.#rules.push([[], [rule, ...once]]);
    return rule;
  }

  #upTo(once: Production, count: number): number {
    let rule = this.#rules.length;
    this.#rules.push([[]]);
    for (let i = 0; i < count; i += 1) {
      this.#rules.push([[], [...once, rule]]);
      rule = this.#rules.length - 1;
    }
    return rule;
  }
}

function findNullable(rules: readonly (readonly Production[])[]): readonly boolean[] {
  const nullable = rules.map(() => false);
  for (let hasChanged = true; hasChanged; ) {
    hasChanged = false;
    for (const [rule, productions] of rules.entries()) {
      if (nullable[rule] === true) continue;
      const isNullable = productions.some((production) =>
        production.every((symbol) => typeof symbol === 'number' && nullable[symbol] === true),
      );
      if (!isNullable) continue;
      nullable[rule] = true;
      hasChanged = true;
    }
  }
  return nullable;
}
