/**
 * Where each unit of a YAML scalar stands in the file: its value is the parser's, and its source is walked beside it.
 */

import type { PlacedText } from './placed-text.ts';
import { escapeJson } from './read-json.ts';

export type ScalarStyle = 'plain' | 'single' | 'double' | 'block';

export interface YamlScalar {
  readonly style: ScalarStyle;
  readonly value: string;
  /** Of the content, without quotes or a block's header, in `text`. */
  readonly from: number;
  readonly to: number;
}

/** Line ends and the space around them, which become one space or fewer line ends. */
const FOLD = /[ \t]*\r?\n(?:[ \t]*\r?\n)*[ \t]*/y;

/** Places in `text`; null where the walk does not meet the value. */
export function placeScalar(text: string, scalar: YamlScalar): PlacedText | null {
  const offsets = scalar.style === 'block' ? placeBlock(text, scalar) : placeFlow(text, scalar);
  if (offsets === null) return null;
  return { text: scalar.value, offsets, escape: escapeOf(text, scalar) };
}

function placeFlow(text: string, { style, value, from, to }: YamlScalar): readonly number[] | null {
  const offsets: number[] = [];
  let at = from;
  for (let i = 0; i < value.length; ) {
    FOLD.lastIndex = at;
    const fold = at < to ? FOLD.exec(text)?.[0] : undefined;
    if (fold !== undefined) {
      const lineEnds = fold.split('\n').length - 1;
      const units = Math.max(1, lineEnds - 1);
      for (let k = 0; k < units; k++) offsets.push(at);
      i += units;
      at += fold.length;
      continue;
    }
    const escaped = style === 'double' && text[at] === '\\' ? escapeAt(text, at) : null;
    if (escaped !== null) {
      for (let k = 0; k < escaped.units; k++) offsets.push(at);
      i += escaped.units;
      at += escaped.length;
      continue;
    }
    if (text[at] !== value[i] || at >= to) return null;
    offsets.push(at);
    at += style === 'single' && text[at] === "'" ? 2 : 1;
    i += 1;
  }
  offsets.push(at);
  return offsets.length === value.length + 1 ? offsets : null;
}

/** How long it is, and how many units it stands for: none for a line that goes on. */
function escapeAt(text: string, at: number): { readonly length: number; readonly units: number } {
  const goesOn = /\\\r?\n[ \t]*/y;
  goesOn.lastIndex = at;
  const line = goesOn.exec(text)?.[0];
  if (line !== undefined) return { length: line.length, units: 0 };
  const letter = text[at + 1] ?? '';
  if (letter === 'x') return { length: 4, units: 1 };
  if (letter === 'u') return { length: 6, units: 1 };
  if (letter !== 'U') return { length: 2, units: 1 };
  const code = Number.parseInt(text.slice(at + 2, at + 10), 16);
  return { length: 10, units: code > 0xffff ? 2 : 1 };
}

function placeBlock(text: string, { value, from, to }: YamlScalar): readonly number[] | null {
  const offsets: number[] = [];
  let at = from;
  let i = 0;
  // Behind the last unit of the value: what a block ends with is not always its own.
  let end = from;
  const indent = indentOf(text, from, to, value);
  while (i < value.length && at < to) {
    // At the beginning of a line that has something on it.
    at += Math.min(indent, /^ */.exec(text.slice(at, at + indent))?.[0].length ?? 0);
    while (at < to && text[at] !== '\n' && !(text[at] === '\r' && text[at + 1] === '\n')) {
      if (text[at] !== value[i]) return null;
      offsets.push(at);
      at += 1;
      end = at;
      i += 1;
    }
    const ends = lineEndsAt(text, at, to, indent);
    let units = 0;
    if (value[i] === ' ' && ends.length === 1) units = 1;
    else while (value[i + units] === '\n' && units < ends.length) units += 1;
    // Of a folded run of line ends the first is the one that is gone.
    offsets.push(...ends.slice(ends.length - units));
    i += units;
    // A file's last line may have no end: the value has one all the same.
    if (ends.length === 0 && at >= to && value.slice(i) === '\n') {
      offsets.push(to);
      i += 1;
      break;
    }
    if (units === 0 && i < value.length) return null;
    at = (ends.at(-1) ?? at) + 1;
    if (text[at - 1] === '\r') at += 1;
    if (units > 0) end = at;
  }
  offsets.push(Math.min(end, to));
  return i === value.length && offsets.length === i + 1 ? offsets : null;
}

/** The line ends from here to the next line that has something on it. */
function lineEndsAt(text: string, from: number, to: number, indent: number): readonly number[] {
  const ends: number[] = [];
  let at = from;
  while (at < to) {
    const end = /^(?: *)(\r?\n)/.exec(text.slice(at, at + indent + 2));
    const spaces = end === null ? -1 : end[0].length - (end[1]?.length ?? 0);
    if (end === null || (ends.length > 0 && spaces > indent)) break;
    ends.push(at + spaces);
    at += end[0].length;
  }
  return ends;
}

/** How far a block is indented: its first line that is not empty, less the spaces that belong to the value. */
function indentOf(text: string, from: number, to: number, value: string): number {
  const lines = text.slice(from, to).split('\n');
  const first = lines.find((line) => line.trim() !== '') ?? '';
  const own = value.split('\n').find((line) => line.trim() !== '') ?? '';
  const spaces = (line: string): number => /^ */.exec(line)?.[0].length ?? 0;
  return Math.max(0, spaces(first) - spaces(own));
}

function escapeOf(text: string, { style, from, to, value }: YamlScalar): PlacedText['escape'] {
  if (style === 'double') return escapeJson;
  if (style === 'single') return (inserted) => inserted.replaceAll("'", "''");
  if (style === 'plain') return (inserted) => inserted;
  const lineEnd = text.slice(from, to).includes('\r\n') ? '\r\n' : '\n';
  const margin = ' '.repeat(indentOf(text, from, to, value));
  return (inserted) => inserted.replaceAll('\n', lineEnd + margin);
}
