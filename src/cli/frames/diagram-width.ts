const MIN_WIDTH = 60;
const DEFAULT_WIDTH = 80;

/** The terminal's columns, else COLUMNS, else 80; never less than 60. */
export function diagramWidth(): number {
  const asked = process.stdout.columns ?? Number(process.env['COLUMNS'] ?? DEFAULT_WIDTH);
  return Number.isInteger(asked) && asked > 0 ? Math.max(MIN_WIDTH, asked) : DEFAULT_WIDTH;
}
