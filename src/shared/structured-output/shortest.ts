import type { Effort } from './effort.ts';
import type { Expr, Grammar } from './grammar.ts';

/** Of a document that a schema allows; which ones end is its writer's business. */
const JSON_LENGTH = 2;

/** Of a rule beside its text: of two ways of one length, the one that calls itself is the longer. */
const RULE_LENGTH = 1e-6;

/**
 * The characters of the shortest text of any expression of the grammar; Infinity where none ends. Rules are worked out
 * once, to the fixed point. Throws GrammarError where that is too much work.
 */
export function shortestLengths({ rules }: Grammar, effort: Effort): (expr: Expr) => number {
  const known = new Map<string, number>();
  const lengthOf = (expr: Expr): number => {
    effort.spend();
    switch (expr.kind) {
      case 'text':
        return expr.text.length;
      case 'chars':
        return expr.ranges.length === 0 ? Infinity : 1;
      case 'seq':
        return expr.items.reduce((sum, item) => sum + lengthOf(item), 0);
      case 'choice':
        return expr.options.reduce((least, option) => Math.min(least, lengthOf(option)), Infinity);
      case 'repeat':
        return expr.min === 0 ? 0 : expr.min * lengthOf(expr.item);
      case 'rule':
        return (known.get(expr.name) ?? Infinity) + RULE_LENGTH;
      case 'json':
        return JSON_LENGTH;
      case 'prose':
        return 0;
    }
  };
  // To and fro: a chain of rules settles in two rounds, whichever way it was written.
  const ordered = [...rules];
  for (let hasChanged = true; hasChanged; ) {
    hasChanged = false;
    for (const [name, rule] of ordered.reverse()) {
      const length = lengthOf(rule);
      if (length >= (known.get(name) ?? Infinity)) continue;
      known.set(name, length);
      hasChanged = true;
    }
  }
  const settled = new Map<Expr, number>();
  return (expr) => {
    const length = settled.get(expr) ?? lengthOf(expr);
    settled.set(expr, length);
    return length;
  };
}
