/** Reads a pattern character by character, and keeps the first thing that each of the two parsers would refuse. */
import type { RustRegexProblem, XgrammarRegexProblem } from './regex-problem.ts';

export class RegexReader {
  readonly pattern: string;
  position = 0;
  xgrammar: XgrammarRegexProblem | null = null;
  rust: RustRegexProblem | null = null;
  /** Nothing behind it can be read. */
  hasFailed = false;

  constructor(pattern: string) {
    this.pattern = pattern;
  }

  get isAtEnd(): boolean {
    return this.hasFailed || this.position >= this.pattern.length;
  }

  get rest(): string {
    return this.pattern.slice(this.position);
  }

  /** The character `ahead` of the next; empty past the end. */
  peek(ahead = 0): string {
    const point = this.pattern.codePointAt(this.position + ahead);
    return point === undefined || this.hasFailed ? '' : String.fromCodePoint(point);
  }

  next(): string {
    const char = this.peek();
    this.position += char.length;
    return char;
  }

  skip(length: number): void {
    this.position += length;
  }

  refuseForXgrammar(position: number, text: string): void {
    this.xgrammar ??= { position, text };
  }

  refuseForRust(start: number, end: number, text: string): void {
    this.rust ??= { start, end, text };
  }

  /** A construct that Rust reads and llguidance has not. */
  refuseForGuidance(text: string): void {
    this.rust ??= { start: 0, end: 0, text, isUnsupported: true };
  }

  /** Both refuse the stretch from `start` to here. */
  refuse(start: number, xgrammar: string, rust: string): void {
    this.refuseForXgrammar(start + 1, xgrammar);
    this.refuseForRust(start, this.position, rust);
  }

  /** Both give up: xgrammar at the end of what it read, Rust at the character at `start`. */
  fail(start: number, xgrammar: string, rust: string): void {
    this.refuseForXgrammar(this.position + 1, xgrammar);
    this.refuseForRust(start, start + 1, rust);
    this.hasFailed = true;
  }
}
