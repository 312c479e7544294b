/**
 * Templates of Helm in YAML, hidden from its parser by text of the same length: an action that has its line to itself
 * becomes a comment, any other a word. The values get their templates back from the file.
 *
 * A string of a template can hold the signs of one: `{{ "}}" }}`.
 */
const BODY = [
  // Words and whole strings, whose quotes are escaped where the template is in a string itself.
  /(?:\\"[^"\\\n]*\\"|"(?:[^"\\\n]|\\.)*"|`[^`]*`|(?!\}\}|\\")[^"`]){0,4000}/,
  // A quote that nothing ends.
  /(?:(?!\}\})[\s\S]){0,4000}?/,
]
  .map(({ source }) => source)
  .join('|');
const OWN_LINE = new RegExp(`^([ \\t]*)\\{\\{(?:${BODY})\\}\\}[ \\t]*(?=\\r?$)`, 'gm');
const ACTION = new RegExp(`\\{\\{(?:${BODY})\\}\\}`, 'g');

/** In JSON, which has no comments, an action that has its line to itself becomes space. */
export function maskTemplatesOfJson(text: string): string {
  return text
    .replace(OWN_LINE, (line: string) => line.replace(/[^\r\n]/g, ' '))
    .replace(ACTION, (action) => action.replace(/[^\r\n]/g, '_'));
}

/** What a value was before its templates were hidden: `offsets` are places in both texts. */
export function unmasked(
  value: string,
  offsets: readonly number[],
  { masked, text }: { readonly masked: string; readonly text: string },
): string {
  return value
    .split('')
    .map((unit, i) => {
      const at = offsets[i] ?? 0;
      return masked[at] === text[at] ? unit : (text[at] ?? unit);
    })
    .join('');
}

export function maskTemplates(text: string): string {
  return text
    .replace(OWN_LINE, (line: string, margin: string) =>
      // Over several lines each has to be a comment.
      line
        .split('\n')
        .map((part, i) => (i === 0 ? commented(part, margin.length) : commented(part, 0)))
        .join('\n'),
    )
    .replace(ACTION, (action) => action.replace(/[^\r\n]/g, '_'));
}

const commented = (line: string, at: number): string =>
  line.length <= at ? line : `${line.slice(0, at)}#${line.slice(at + 1).replace(/[{}]/g, '_')}`;
