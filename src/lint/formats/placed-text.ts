/**
 * A text inside a file, however often it is wrapped there: a query in a JSON string in a YAML block in a document. Each
 * of its units knows where in the file it begins.
 */
export interface PlacedText {
  readonly text: string;
  /** One a unit of `text`, and one for the end. */
  readonly offsets: readonly number[];
  /** How what is inserted here has to be written in the file. */
  readonly escape: (text: string) => string;
}

const asItIs = (text: string): string => text;

/** The stretch of a file, or of a text in it. */
export function slice(whole: PlacedText, from: number, to: number): PlacedText {
  return {
    text: whole.text.slice(from, to),
    offsets: whole.offsets.slice(from, to + 1),
    escape: whole.escape,
  };
}

/** Without the space around it. */
export function trimmed(placed: PlacedText): PlacedText {
  const from = placed.text.length - placed.text.trimStart().length;
  const to = placed.text.trimEnd().length;
  if (from === 0 && to === placed.text.length) return placed;
  return slice(placed, Math.min(from, to), to);
}

/** Where texts are found: a whole file, or a text inside one that is read as a file of its own. */
export interface Source {
  readonly text: string;
  /** `offsets` are places in `text`; what comes out has places in the file. */
  readonly place: (inner: PlacedText) => PlacedText;
}

export const wholeFile = (text: string): Source => ({ text, place: (inner) => inner });

export function within(outer: PlacedText): Source {
  const end = outer.offsets.length - 1;
  return {
    text: outer.text,
    place: (inner) => ({
      text: inner.text,
      offsets: inner.offsets.map((at) => outer.offsets[Math.min(at, end)] ?? 0),
      escape: (text) => outer.escape(inner.escape(text)),
    }),
  };
}

/** A stretch of a source in which each unit stands for itself. */
export function stretch({ text, place }: Source, from: number, to: number): PlacedText {
  const offsets = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  return place({ text: text.slice(from, to), offsets, escape: asItIs });
}
