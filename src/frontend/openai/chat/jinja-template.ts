/** A compiled Jinja template. With jinja-additions.ts the one door to @huggingface/jinja. */
import { Template } from '@huggingface/jinja';
import { addToEngine } from './jinja-additions.ts';

addToEngine();

/** The longest range of a template. Source: jinja2/sandbox.py MAX_RANGE. */
const MAX_RANGE = 100_000;
/** Puts our range in the place of the engine's, whose own name cannot be given from outside. */
const SANDBOX = '{% set range = _sandbox_range %}';

export class JinjaTemplate {
  readonly #template: Template;

  /** Throws what the engine says of a text that is no template. */
  constructor(source: string) {
    this.#template = new Template(source);
    this.#template.parsed.body.unshift(...new Template(SANDBOX).parsed.body);
  }

  /** Throws what the template raises, or what the engine says of it. */
  render(variables: Readonly<Record<string, unknown>>): string {
    return this.#template.render({ ...variables, _sandbox_range: safeRange });
  }
}

/** `range()` of a template; throws where it is too long. Source: jinja2/sandbox.py safe_range. */
function safeRange(first: number, second?: number | null, step: number | null = 1): number[] {
  const hasStop = typeof second === 'number';
  const start = hasStop ? first : 0;
  const stop = hasStop ? second : first;
  const by = step ?? 1;
  if (by === 0) throw new Error('range() arg 3 must not be zero');
  const count = Math.max(0, Math.ceil((stop - start) / by));
  if (count > MAX_RANGE) {
    throw new Error(
      `Range too big. The sandbox blocks ranges larger than MAX_RANGE (${MAX_RANGE}).`,
    );
  }
  return Array.from({ length: count }, (_, i) => start + i * by);
}
