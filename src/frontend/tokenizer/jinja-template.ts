/** A compiled Jinja template. The one door to @huggingface/jinja. */
import { Template } from '@huggingface/jinja';

export class JinjaTemplate {
  readonly #template: Template;

  /** Throws what the engine says of a text that is no template. */
  constructor(source: string) {
    this.#template = new Template(source);
  }

  /** Throws what the template raises, or what the engine says of it. */
  render(variables: Readonly<Record<string, unknown>>): string {
    return this.#template.render(variables);
  }
}
