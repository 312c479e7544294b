/** `--rules`: every rule with what it finds. */
import { EVERY_RULE } from '../../lint/every-rule.ts';
import { type Palette, table, wrap } from '../text-layout.ts';

const INDENT = '    ';

/** Lines of a list; of a table, where the terminal has the columns. */
export function ruleList(width: number, palette: Palette): readonly string[] {
  const widest = Math.max(...EVERY_RULE.map(({ id, title }) => id.length + title.length));
  const columns = ['rule', 'severity', 'finds'].map((title) => ({ title, align: 'left' }) as const);
  if (widest + 'severity'.length + 4 <= width)
    return table(
      columns,
      EVERY_RULE.map(({ id, severity, title }) => [id, severity, title]),
      { palette },
    );
  return EVERY_RULE.flatMap(({ id, severity, title }) => [
    `${palette.bold(id)}  ${severity}`,
    ...wrap(title, INDENT, width),
  ]);
}
