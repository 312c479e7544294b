import { choice, type Expr, repeat, seq, text } from './grammar.ts';
import { isFields } from './json-schema/schema-tree.ts';
import { parseRegex } from './regex-parser.ts';

/** Brackets in brackets that are told apart. */
const MAX_DEPTH = 6;

const expr = (pattern: string): Expr => parseRegex(pattern).expr;
const BLANKS = expr('[ \\t\\n\\r]*');
const STRING = expr('"(?:[^"\\\\\\x00-\\x1f]|\\\\(?:["\\\\/bfnrt]|u[0-9a-fA-F]{4}))*"');
const INTEGER = expr('-?(?:0|[1-9][0-9]*)');
const NUMBER = expr('-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?');

/** JSON documents of a schema's type, and its constants; what else it asks for is not looked at. */
export function jsonExpr(schema: unknown, depth = 0): Expr {
  const fields = isFields(schema) ? schema : {};
  if (Object.hasOwn(fields, 'const')) return text(JSON.stringify(fields['const']));
  const { enum: allowed, type } = fields;
  if (Array.isArray(allowed)) return choice(allowed.map((value) => text(JSON.stringify(value))));
  const types = Array.isArray(type) ? type : typeof type === 'string' ? [type] : TYPES;
  return choice(types.map((name) => typeExpr(String(name), depth)));
}

const TYPES = ['object', 'array', 'string', 'number', 'boolean', 'null'];

function typeExpr(type: string, depth: number): Expr {
  switch (type) {
    case 'object':
      return listExpr('{', seq([STRING, BLANKS, text(':'), BLANKS, inner(depth)]), '}');
    case 'array':
      return listExpr('[', inner(depth), ']');
    case 'integer':
      return INTEGER;
    case 'number':
      return NUMBER;
    case 'boolean':
      return choice([text('true'), text('false')]);
    case 'null':
      return text('null');
    default:
      return STRING;
  }
}

function inner(depth: number): Expr {
  return depth >= MAX_DEPTH ? NUMBER : jsonExpr(true, depth + 1);
}

function listExpr(open: string, item: Expr, close: string): Expr {
  const more = repeat(seq([BLANKS, text(','), BLANKS, item]), 0, null);
  const items = repeat(seq([item, more, BLANKS]), 0, 1);
  return seq([text(open), BLANKS, items, text(close)]);
}
