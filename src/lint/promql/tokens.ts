/** What a query consists of, as far as is needed to see what a variable in it stands for. */
export interface Token {
  readonly kind: 'variable' | 'word' | 'string' | 'open' | 'close' | 'sign';
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/**
 * `$x`, `${x:regex}`, `[[x]]` of Grafana (`$${x}` where Terraform reads the file before it), `{{ … }}` of Helm,
 * `<<.Series>>` of the Prometheus adapter.
 * Source: grafana/grafana public/app/features/variables/utils.ts variableRegex
 */
export const VARIABLE =
  /\$\w+|\${1,2}\{[^{}]{0,2000}\}|\[\[\s{0,20}\w+(?:[.:][^\]]{0,2000})?\s{0,20}\]\]|\{\{(?!\{)[\s\S]{0,2000}?\}\}|<<[^<>]{0,200}>>/g;

const SPACE = /\s+|#[^\n]*/y;
/** A template of Helm may have quotes of its own: `"{{ include "chart.fullname" . }}"`. */
const STRING =
  /"(?:\{\{[^{}\n]{0,2000}\}\}|[^"\\]|\\[\s\S])*"?|'(?:\{\{[^{}\n]{0,2000}\}\}|[^'\\]|\\[\s\S])*'?|`[^`]*`?/y;
const VARIABLE_HERE = new RegExp(VARIABLE.source, 'y');
const WORD = /[\w:.]+/y;
/** A colon parts a range from its step. */
const WORD_OF_RANGE = /[\w.]+/y;
const SIGN = /=~|!~|!=|[\s\S]/y;

export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let from = 0;
  let depthOfRange = 0;
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = from;
    return pattern.exec(text)?.[0] ?? null;
  };
  const add = (kind: Token['kind'], found: string): void => {
    tokens.push({ kind, from, to: from + found.length, text: found });
    from += found.length;
  };
  while (from < text.length) {
    const space = take(SPACE);
    if (space !== null) {
      from += space.length;
      continue;
    }
    const string = take(STRING);
    const variable = string === null ? take(VARIABLE_HERE) : null;
    const word = take(depthOfRange > 0 ? WORD_OF_RANGE : WORD);
    if (string !== null) add('string', string);
    else if (variable !== null) add('variable', variable);
    else if (word !== null) add('word', word);
    else {
      const sign = take(SIGN) ?? '';
      if (sign === '[') depthOfRange += 1;
      if (sign === ']') depthOfRange -= 1;
      add('([{'.includes(sign) ? 'open' : ')]}'.includes(sign) ? 'close' : 'sign', sign);
    }
  }
  return tokens;
}
