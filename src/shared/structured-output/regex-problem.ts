/** What is wrong with a regex, in the words of the two parsers that vLLM asks. */

/** Of xgrammar: `position` counts characters from 1. */
export interface XgrammarRegexProblem {
  readonly position: number;
  readonly text: string;
}

/** Of Rust's regex-syntax, which llguidance uses: the stretch is underlined. */
export interface RustRegexProblem {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** A construct that llguidance refuses, not the syntax. */
  readonly isUnsupported?: boolean;
}

/** As regex-syntax prints it: the pattern, the stretch underlined, the reason. */
export function rustRegexWords(pattern: string, problem: RustRegexProblem): string {
  if (problem.isUnsupported === true) return `${problem.text} in regex /${pattern}/`;
  const marks = '^'.repeat(Math.max(1, problem.end - problem.start));
  return `regex parse error:\n    ${pattern}\n    ${' '.repeat(problem.start)}${marks}\nerror: ${problem.text}`;
}

/** Where a regex stands in a grammar: a line, counted from 1, its text, and a column, counted from 1. */
export interface RegexPlace {
  readonly line: string;
  readonly shown: string;
  readonly column: number;
}

/** As llguidance says it; by default of a grammar that is one regex. */
export function guidanceRegexWords(
  pattern: string,
  problem: RustRegexProblem,
  { line, shown, column }: RegexPlace = { line: '1', shown: `start: /${pattern}/`, column: 8 },
): string {
  const quoted = JSON.stringify(pattern);
  return (
    `at ${line}(${column}): invalid regex ${quoted} (in regex): ${rustRegexWords(pattern, problem)}\n` +
    `   ${line} | ${shown}\n${' '.repeat(6 + column)}^\n`
  );
}
