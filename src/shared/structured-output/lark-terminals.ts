import type { Expr } from './grammar.ts';
import { parseRegex } from './regex-parser.ts';

/** Lark's common terminals, as regexes. Source: lark/grammars/common.lark. */
const COMMON: Readonly<Record<string, string>> = {
  DIGIT: '[0-9]',
  HEXDIGIT: '[a-fA-F0-9]',
  INT: '[0-9]+',
  SIGNED_INT: '[+-]?[0-9]+',
  DECIMAL: '[0-9]+\\.[0-9]*|\\.[0-9]+',
  FLOAT: '[0-9]+(?:\\.[0-9]*)?[eE][+-]?[0-9]+|[0-9]+\\.[0-9]*|\\.[0-9]+',
  SIGNED_FLOAT: '[+-]?(?:[0-9]+(?:\\.[0-9]*)?[eE][+-]?[0-9]+|[0-9]+\\.[0-9]*|\\.[0-9]+)',
  NUMBER: '[0-9]+(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?',
  SIGNED_NUMBER: '[+-]?[0-9]+(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?',
  ESCAPED_STRING: '"(?:[^"\\\\\\n]|\\\\["\\\\/bfnrt])*"',
  LCASE_LETTER: '[a-z]',
  UCASE_LETTER: '[A-Z]',
  LETTER: '[A-Za-z]',
  WORD: '[A-Za-z]+',
  CNAME: '[_A-Za-z][_A-Za-z0-9]*',
  WS_INLINE: '[ \\t]+',
  WS: '[ \\t\\f\\r\\n]+',
  CR: '\\r',
  LF: '\\n',
  NEWLINE: '(?:\\r?\\n)+',
  SH_COMMENT: '#[^\\n]*',
  CPP_COMMENT: '//[^\\n]*',
};

/** Null for a name that Lark has not. */
export function commonTerminal(name: string): Expr | null {
  const pattern = COMMON[name];
  return pattern === undefined ? null : parseRegex(pattern).expr;
}
