/** `--fix`: rewrites what is certain, again while a rewriting lets the next be seen, and tells what it did. */
import { fixText } from '../../lint/fix/fix-text.ts';
import { LineStarts } from '../../lint/formats/line-starts.ts';
import type { JudgedQuery } from '../../lint/lint-text.ts';
import { visible } from '../../lint/output/excerpt.ts';
import type { Judged } from './judged.ts';

export interface Mending {
  /** As it is afterwards. */
  readonly judged: Judged;
  readonly told: readonly string[];
}

/** A rewriting that asks for the next for ever would be a mistake of a rule. */
const MAX_PASSES = 8;

export function mend(judged: Judged, lint: (text: string) => readonly JudgedQuery[]): Mending {
  const told: string[] = [];
  let after = judged;
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const { text, fixed } = fixText(after.text, after.queries, lint);
    if (fixed.length === 0) break;
    const lines = new LineStarts(after.text);
    for (const { query, finding, mended } of fixed) {
      const { source } = query;
      const line = lines.lineOf(source.offsets[finding.from] ?? 0);
      const title = source.title === '' ? '' : `  ${visible(source.title)}`;
      const place = judged.isFile ? `${visible(judged.name)}:${line}` : judged.name;
      const edits = (finding.fix ?? []).map(
        ({ from, to, insert }) => `'${source.text.slice(from, to)}' is now '${insert}'`,
      );
      told.push(`${place}${title}: ${visible(edits.join(', '))} (${finding.rule})`);
      if (!judged.isFile) told.push(mended);
    }
    after = { ...judged, queries: lint(text), text };
  }
  return { judged: after, told };
}
