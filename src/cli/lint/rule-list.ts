/** `--rules`: every rule with what it finds. */
import { LIVE_RULES } from '../../lint/live/live-rules.ts';
import { RULES } from '../../lint/rules/rule-table.ts';
import { type Palette, table, wrap } from '../text-layout.ts';

const INDENT = '    ';

export const RULE_IDS: readonly string[] = [...RULES, ...LIVE_RULES].map(({ id }) => id);

/** Lines of a list; of a table, where the terminal has the columns. */
export function ruleList(width: number, palette: Palette): readonly string[] {
  const rules = [...RULES, ...LIVE_RULES];
  const widest = Math.max(...rules.map(({ id, title }) => id.length + title.length));
  const columns = ['rule', 'severity', 'finds'].map((title) => ({ title, align: 'left' }) as const);
  if (widest + 'severity'.length + 4 <= width)
    return table(
      columns,
      rules.map(({ id, severity, title }) => [id, severity, title]),
      { palette },
    );
  return rules.flatMap(({ id, severity, title }) => [
    `${palette.bold(id)}  ${severity}`,
    ...wrap(title, INDENT, width),
  ]);
}
