/** One line of an engine's start, at vLLM's level. */
export interface StartupLine {
  readonly level: 'info' | 'warn';
  readonly text: string;
}
