/**
 * Arguments as `<parameter=NAME>VALUE</parameter>`, or `<parameter name="NAME">VALUE</parameter>`, into JSON, and what a
 * delta adds to the value that is open.
 * Source: vllm/parser/qwen3.py, mimo.py, minimax_m2.py (0.33.0). Pure.
 */
import { pythonDumps } from '../../../../shared/python/json-dumps.ts';
import type { ArgValueExtender } from '../engine/engine-config.ts';

export interface ParameterTags {
  /** Finds a whole parameter: groups `name` and `value`. Global. */
  readonly whole: RegExp;
  /** Finds the one that is open at the end: the same groups. */
  readonly open: RegExp;
  /** Where a value ends. */
  readonly valueEnd: RegExp;
  /** A text that begins with `<` may still become an end of a value. */
  readonly mayEndValue: (tail: string) => boolean;
  /** A newline around values is markup. */
  readonly trimsNewlines: boolean;
  /** Names stand in quotes or not: whitespace around them is none of theirs, and none may be empty. */
  readonly hasQuotedNames: boolean;
}

interface OpenValue {
  readonly name: string;
  readonly value: string;
  /** Where its tag begins in what is left without whole parameters. */
  readonly rest: string;
  readonly at: number;
  /** Empty where it stands in quotes. */
  readonly bareName: string;
}

/** One newline at either end. */
function trimNewlines(value: string): string {
  const start = value.startsWith('\n') ? 1 : 0;
  const rest = value.slice(start);
  return rest.endsWith('\n') ? rest.slice(0, -1) : rest;
}

function nameOf(groups: Readonly<Record<string, string | undefined>>): string {
  return groups['name'] ?? (groups['dq'] || groups['sq'] || groups['bare'] || '').trim();
}

export function wholeParameters(tags: ParameterTags, raw: string): Map<string, string> {
  const params = new Map<string, string>();
  for (const { groups = {} } of raw.matchAll(tags.whole)) {
    const value = groups['value'] ?? '';
    const name = nameOf(groups);
    if (name === '' && tags.hasQuotedNames) continue;
    params.set(name, tags.trimsNewlines ? trimNewlines(value) : value);
  }
  return params;
}

function openParameter(tags: ParameterTags, raw: string): OpenValue | null {
  const rest = raw.replace(tags.whole, '');
  const match = tags.open.exec(rest);
  const name = nameOf(match?.groups ?? {});
  if (match === null) return null;
  const { value = '', bare: bareName = '' } = match.groups ?? {};
  return { name, value, rest, at: match.index, bareName };
}

export function convertParameters(tags: ParameterTags, raw: string, isPartial: boolean): string {
  const params = wholeParameters(tags, raw);
  const open = isPartial ? openParameter(tags, raw) : null;
  if (open !== null && open.name !== '') {
    params.set(open.name, tags.trimsNewlines ? trimNewlines(open.value) : open.value);
  }
  return pythonDumps(params);
}

/** Null: the open value is not the last, or may turn out to be something else. */
export function extendParameters(tags: ParameterTags, raw: string): ArgValueExtender | null {
  const open = openParameter(tags, raw);
  if (open === null || open.name === '') return null;
  const names = [...wholeParameters(tags, raw).keys()];
  if (!tags.hasQuotedNames) {
    if (names.includes(open.name)) return null;
  } else if (
    (names.includes(open.name) && names.at(-1) !== open.name) ||
    tags.valueEnd.test(open.rest.slice(0, open.at)) ||
    /^["']/.test(open.bareName)
  ) {
    return null;
  }
  return valueExtender(tags, open.value);
}

function valueExtender(tags: ParameterTags, value: string): ArgValueExtender {
  const endWindow = (text: string) => {
    const at = text.lastIndexOf('<');
    const tail = at === -1 ? '' : text.slice(at);
    return tail !== '' && tags.mayEndValue(tail) ? tail : '';
  };
  let window = endWindow(value);
  let hasBegun = value !== '';
  let held = tags.trimsNewlines && value.endsWith('\n') && value !== '\n' ? '\n' : '';
  return (delta) => {
    const text = window + delta;
    if (tags.valueEnd.test(text)) return null;
    window = endWindow(text);
    if (!tags.trimsNewlines) return escaped(delta);
    let more = held + delta;
    if (!hasBegun && more !== '') {
      hasBegun = true;
      if (more.startsWith('\n')) more = more.slice(1);
    }
    held = more.endsWith('\n') ? '\n' : '';
    return escaped(more.slice(0, more.length - held.length));
  };
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Whether `tail` is the beginning of `<`, then `words` with whitespace between them, then `end`. */
function mayBecome(tail: string, words: readonly string[], end: string): boolean {
  let rest = tail.slice(1).trimStart();
  for (const word of [...words, end]) {
    if (rest === '' || word.startsWith(rest)) return true;
    if (!rest.startsWith(word)) return false;
    rest = rest.slice(word.length).trimStart();
  }
  return rest === '';
}

/** `<parameter=NAME>`. */
export const QWEN3_TAGS: ParameterTags = {
  whole:
    /<\s*parameter\s*=\s*(?<name>[^>]*)>(?<value>[\s\S]*?)(?:<\s*\/\s*parameter\s*>|(?=<\s*parameter\s*=))/g,
  open: /<\s*parameter\s*=\s*(?<name>[^>]+)>(?<value>[\s\S]*)$/,
  valueEnd: /<\s*\/\s*parameter\s*>|<\s*parameter\s*=/,
  mayEndValue: (tail) =>
    mayBecome(tail, ['/', 'parameter'], '>') || mayBecome(tail, ['parameter'], '='),
  trimsNewlines: true,
  hasQuotedNames: false,
};

export const MIMO_TAGS: ParameterTags = { ...QWEN3_TAGS, trimsNewlines: false };

const NAMED_OPENER =
  '<\\s*parameter\\s+name\\s*=\\s*(?:"(?<dq>[^"]*)"|\'(?<sq>[^\']*)\'|(?<bare>[^>\\s]+))\\s*>';

/** `<parameter name="NAME">`. */
export const MINIMAX_M2_TAGS: ParameterTags = {
  whole: new RegExp(
    `${NAMED_OPENER}(?<value>[\\s\\S]*?)(?:<\\s*/\\s*parameter\\s*>|(?=<\\s*parameter\\s+name\\s*=))`,
    'g',
  ),
  open: new RegExp(`${NAMED_OPENER}(?<value>[\\s\\S]*)$`),
  valueEnd: /<\s*\/\s*parameter\s*>|<\s*parameter\s+name\s*=/,
  mayEndValue: (tail) =>
    mayBecome(tail, ['/', 'parameter'], '>') || mayBecome(tail, ['parameter', 'name'], '='),
  trimsNewlines: false,
  hasQuotedNames: true,
};
