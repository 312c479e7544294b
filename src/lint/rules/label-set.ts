/**
 * Which labels the series of an expression carry, as far as vLLM decides it. Scraping adds labels of its own, which nobody
 * here can know, so beside what is certain there is what may be.
 */
export interface LabelSet {
  /** Never empty on any series, with the value where it is the same on all; null: it varies, or is not known. */
  readonly present: ReadonlyMap<string, string | null>;
  /** Of the present ones, those that always have more than one value. */
  readonly several: ReadonlySet<string>;
  readonly maybe: ReadonlySet<string>;
  /** Not on any of them; of a closed set, everything else is absent too. */
  readonly absent: ReadonlySet<string>;
  /** An aggregation left just these. */
  readonly isClosed: boolean;
}

const NONE: ReadonlySet<string> = new Set();

/** Of a number made into a vector, and of an aggregation over everything. */
export const NO_LABELS: LabelSet = {
  present: new Map(),
  several: NONE,
  maybe: NONE,
  absent: NONE,
  isClosed: true,
};

/** Of what nothing is known of. */
export const ANY_LABELS: LabelSet = { ...NO_LABELS, isClosed: false };

/** Whether a series may carry it. */
export function mayHave(labels: LabelSet, label: string): boolean {
  if (labels.present.has(label) || labels.maybe.has(label)) return true;
  return !labels.isClosed && !labels.absent.has(label);
}

/** `by (kept)`, or `on (kept)`. */
export function keptLabels(labels: LabelSet, kept: readonly string[]): LabelSet {
  const present = [...labels.present].filter(([label]) => kept.includes(label));
  return {
    present: new Map(present),
    several: new Set([...labels.several].filter((label) => kept.includes(label))),
    maybe: new Set(kept.filter((label) => !labels.present.has(label) && mayHave(labels, label))),
    absent: NONE,
    isClosed: true,
  };
}

/** `without (dropped)`, or `ignoring (dropped)`. */
export function droppedLabels(labels: LabelSet, dropped: readonly string[]): LabelSet {
  const stays = (label: string): boolean => !dropped.includes(label);
  return {
    present: new Map([...labels.present].filter(([label]) => stays(label))),
    several: new Set([...labels.several].filter(stays)),
    maybe: new Set([...labels.maybe].filter(stays)),
    absent: new Set([...labels.absent, ...dropped]),
    isClosed: labels.isClosed,
  };
}

/** With labels that are there now, or may be: of count_values, label_replace, group_left. */
export function addedLabels(
  labels: LabelSet,
  added: readonly string[],
  isCertain: boolean,
): LabelSet {
  const rest = droppedLabels(labels, added);
  return {
    ...rest,
    present: isCertain
      ? new Map([...rest.present, ...added.map((label) => [label, null] as const)])
      : rest.present,
    maybe: isCertain ? rest.maybe : new Set([...rest.maybe, ...added]),
    absent: new Set([...rest.absent].filter((label) => !added.includes(label))),
  };
}

/** Of `a or b`. */
export function eitherLabels(left: LabelSet, right: LabelSet): LabelSet {
  const isOfBoth = ([label]: readonly [string, string | null]): boolean => right.present.has(label);
  const all = [left, right].flatMap(({ present, maybe }) => [...present.keys(), ...maybe]);
  const present = new Map(
    [...left.present]
      .filter(isOfBoth)
      .map(([label, value]) => [label, right.present.get(label) === value ? value : null]),
  );
  return {
    present,
    several: NONE,
    maybe: new Set(all.filter((label) => !present.has(label))),
    absent: new Set(
      [...left.absent, ...right.absent].filter(
        (label) => !mayHave(left, label) && !mayHave(right, label),
      ),
    ),
    isClosed: left.isClosed && right.isClosed,
  };
}

/** Why two sides never match; null: they may. */
export interface Mismatch {
  readonly label: string;
  /** The side that has it, where the other has not; null: both have it, with other values. */
  readonly only: 'left' | 'right' | null;
}

/**
 * What keeps any series of one side from matching one of the other. `isKey` says whether a label is compared.
 */
export function mismatchOf(
  left: LabelSet,
  right: LabelSet,
  isKey: (label: string) => boolean,
): Mismatch | null {
  for (const [label, value] of left.present) {
    if (!isKey(label)) continue;
    if (!mayHave(right, label)) return { label, only: 'left' };
    const other = right.present.get(label) ?? null;
    if (value !== null && other !== null && value !== other) return { label, only: null };
  }
  for (const label of right.present.keys())
    if (isKey(label) && !mayHave(left, label)) return { label, only: 'right' };
  return null;
}
