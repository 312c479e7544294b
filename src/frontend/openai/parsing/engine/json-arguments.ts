/**
 * JSON arguments, character by character: what is safe to be shown goes on, and the brace that may end them waits until
 * more has come. Source: StreamingParserEngine._feed_args_char (0.33.0).
 */
export class JsonArguments {
  #held = '';
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  reset(): void {
    this.#held = '';
    this.restart();
  }

  /** A new value begins; what is held stays. */
  restart(): void {
    this.#depth = 0;
    this.#isInString = false;
    this.#isEscaped = false;
  }

  /** What may go on. */
  push(char: string): string {
    this.#held += char;
    if (this.#isEscaped) this.#isEscaped = false;
    else if (this.#isInString) {
      if (char === '\\') this.#isEscaped = true;
      else if (char === '"') this.#isInString = false;
    } else if (char === '"') this.#isInString = true;
    else if (char === '{' || char === '[') this.#depth += 1;
    else if (char === '}' || char === ']') {
      if (this.#depth > 0) this.#depth -= 1;
      if (this.#depth === 0) return '';
    }
    return this.take();
  }

  /** All that is held. */
  take(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }

  /** Outside of strings, with every brace closed. */
  get isBalanced(): boolean {
    return !this.#isInString && !this.#isEscaped && this.#depth === 0;
  }
}
