/**
 * Rewrites in a file what is certain, and nothing else: each edit of a query becomes an edit of the file at its place,
 * in the file's own way of writing; then the file is read again, and what does not say what was meant is taken back.
 */
import type { Edit, RuleFinding } from '../finding.ts';
import type { JudgedQuery } from '../lint-text.ts';
import { isWritten } from './is-written.ts';
import { withEdits } from './with-edits.ts';

export interface FixedText {
  readonly text: string;
  /** The findings whose edits are in it. */
  readonly fixed: readonly FixedFinding[];
}

export interface FixedFinding {
  readonly query: JudgedQuery;
  readonly finding: RuleFinding;
  /** The query as it is with all its edits. */
  readonly mended: string;
}

interface MendedQuery {
  readonly at: number;
  readonly query: JudgedQuery;
  readonly findings: readonly RuleFinding[];
  readonly mended: string;
  /** Of the file. */
  readonly edits: readonly Edit[];
}

/** `lint` reads a text as the given one was read. */
export function fixText(
  text: string,
  queries: readonly JudgedQuery[],
  lint: (text: string) => readonly JudgedQuery[],
): FixedText {
  let mended = withoutOverlaps(
    queries.flatMap((query, at) => {
      const made = mendQuery(query, at);
      return made === null ? [] : [made];
    }),
  );
  while (mended.length > 0) {
    const fixed = withEdits(
      text,
      mended.flatMap(({ edits }) => edits),
    );
    const again = lint(fixed);
    const isMeant = ({ at, query, mended: meant }: MendedQuery): boolean =>
      again.length === queries.length &&
      again[at]?.source.text === meant &&
      (again[at]?.parsed.problem === null || query.parsed.problem !== null);
    const meant = mended.filter(isMeant);
    if (meant.length === mended.length) return { text: fixed, fixed: mended.flatMap(fixedOf) };
    mended = meant;
  }
  return { text, fixed: [] };
}

const fixedOf = ({ query, findings, mended }: MendedQuery): readonly FixedFinding[] =>
  findings.map((finding) => ({ query, finding, mended }));

function mendQuery(query: JudgedQuery, at: number): MendedQuery | null {
  const edits: Edit[] = [];
  const findings: RuleFinding[] = [];
  for (const finding of query.findings) {
    const own = (finding.fix ?? []).every((edit) => isWritten(edit, query.source))
      ? (finding.fix ?? [])
      : [];
    const fresh = own.filter((edit) => !edits.some((other) => isSame(edit, other)));
    if (own.length === 0 || fresh.some((edit) => edits.some((other) => overlap(edit, other))))
      continue;
    edits.push(...fresh);
    findings.push(finding);
  }
  if (findings.length === 0) return null;
  const { text, offsets, escape: escaped } = query.source;
  return {
    at,
    query,
    findings,
    mended: withEdits(text, edits),
    edits: edits.map(({ from, to, insert }) => ({
      from: offsets[from] ?? 0,
      to: offsets[to] ?? 0,
      insert: escaped(insert),
    })),
  };
}

/** An alias lets one place be two queries; two that differ at one place cannot both be. */
function withoutOverlaps(mended: readonly MendedQuery[]): readonly MendedQuery[] {
  const taken = new TakenEdits();
  return mended.flatMap((query) => {
    const fresh = query.edits.filter(
      (edit) => !taken.near(edit).some((other) => isSame(edit, other)),
    );
    if (fresh.some((edit) => taken.near(edit).some((other) => overlap(edit, other)))) return [];
    for (const edit of fresh) taken.add(edit);
    return [{ ...query, edits: fresh }];
  });
}

/** Edits by where they are: a file can have a hundred thousand. */
class TakenEdits {
  readonly #byPlace = new Map<number, Edit[]>();

  add(edit: Edit): void {
    for (const place of placesOf(edit)) {
      const there = this.#byPlace.get(place) ?? [];
      there.push(edit);
      this.#byPlace.set(place, there);
    }
  }

  /** All that can overlap it. */
  near(edit: Edit): readonly Edit[] {
    return placesOf(edit).flatMap((place) => this.#byPlace.get(place) ?? []);
  }
}

const CHARACTERS_OF_PLACE = 1024;

function placesOf({ from, to }: Edit): readonly number[] {
  const first = Math.floor(from / CHARACTERS_OF_PLACE);
  const last = Math.floor(to / CHARACTERS_OF_PLACE);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

const isSame = (a: Edit, b: Edit): boolean =>
  a.from === b.from && a.to === b.to && a.insert === b.insert;

/** Two insertions at one place overlap too: which comes first nobody says. */
const overlap = (a: Edit, b: Edit): boolean =>
  a.from === b.from || (a.from < b.to && b.from < a.to);
