/**
 * Templates of Helm in YAML, hidden from its parser by text of the same length: an action that has its line to itself
 * becomes a comment, any other a word. The values get their templates back from the file.
 */
const OWN_LINE = /^([ \t]*)\{\{(?:(?!\}\})[\s\S]){0,4000}\}\}[ \t]*(?=\r?$)/gm;
const ACTION = /\{\{(?:(?!\}\})[\s\S]){0,4000}\}\}/g;

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
