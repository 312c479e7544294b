import { type RuleId, severityOf } from './rules.ts';
import type { Problem } from './verdict.ts';

/** Distinct problems that are kept. */
export const MAX_PROBLEMS = 1_000;

/** Where a problem shows. */
export interface ProblemPlace {
  readonly process: string;
  readonly seq: number;
  readonly engine: number | null;
}

/** Problems in the order in which they are met, each once with how often; bounded. */
export class ProblemLog {
  readonly #problems = new Map<string, { readonly first: Problem; times: number }>();
  #numLeftOut = 0;
  #hasErrors = false;

  add(rule: RuleId, { process, seq, engine }: ProblemPlace, text: string): void {
    const severity = severityOf(rule);
    if (severity === 'error') this.#hasErrors = true;
    const key = JSON.stringify([rule, engine, text]);
    const known = this.#problems.get(key);
    if (known !== undefined) known.times += 1;
    else if (this.#problems.size >= MAX_PROBLEMS) this.#numLeftOut += 1;
    else {
      const first = { rule, severity, engine, process, seq, text, times: 1 };
      this.#problems.set(key, { first, times: 1 });
    }
  }

  get hasErrors(): boolean {
    return this.#hasErrors;
  }

  get numLeftOut(): number {
    return this.#numLeftOut;
  }

  list(): readonly Problem[] {
    return [...this.#problems.values()].map(({ first, times }) => ({ ...first, times }));
  }
}
