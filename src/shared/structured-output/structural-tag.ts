/**
 * Structural tags: a tree of formats that an answer is made of (fixed texts, schemas, tags), or the older pair of
 * structures and triggers. Where tags may come into free text, one comes.
 * Source: xgrammar python/xgrammar/structural_tag.py (0.2.8). Leaves out: what ids stand for that are no texts.
 */

import { parseEbnf } from './ebnf-parser.ts';
import {
  choice,
  EMPTY,
  type Expr,
  type Grammar,
  GrammarError,
  repeat,
  seq,
  text,
} from './grammar.ts';
import { parseRegex } from './regex-parser.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Formats in formats; deeper would use up the stack. */
const MAX_DEPTH = 200;

/** Throws GrammarError. */
export function parseStructuralTag(source: string): Grammar {
  let tag: unknown;
  try {
    tag = JSON.parse(source);
  } catch (error) {
    throw new GrammarError(`Failed to parse JSON: ${String(error)}`);
  }
  const fields = fieldsOf(tag, 'Structural tag');
  const builder = new TagBuilder();
  const root = Array.isArray(fields['structures'])
    ? builder.legacy(fields)
    : builder.format(fields['format'] ?? fail('Structural tag must have a format field'), 0);
  return { root, rules: builder.rules };
}

class TagBuilder {
  readonly rules = new Map<string, Expr>();

  legacy(fields: Fields): Expr {
    const triggers = textsOf(fields['triggers'], 'triggers');
    const tags = listOf(fields['structures'], 'structures').map((structure) => {
      const { begin, schema, end } = fieldsOf(structure, 'structure');
      const start = textOf(begin, 'begin');
      if (!triggers.some((trigger) => start.startsWith(trigger)))
        fail(`Tag "${start}" does not match any trigger`);
      const body = typeof schema === 'string' ? (JSON.parse(schema) as unknown) : schema;
      return seq([text(start), { kind: 'json', schema: body ?? true }, text(textOf(end, 'end'))]);
    });
    if (tags.length === 0) fail('No structural tags found');
    return seq([choice(tags)]);
  }

  format(value: unknown, depth: number): Expr {
    const fields = fieldsOf(value, 'Format');
    if (depth > MAX_DEPTH) fail('Formats are nested too deeply');
    const inner = (part: unknown): Expr => this.format(part, depth + 1);
    switch (fields['type']) {
      case 'const_string':
        return text(textOf(fields['value'], 'value'));
      case 'json_schema':
        return { kind: 'json', schema: fields['json_schema'] ?? fail('json_schema is missing') };
      case 'qwen_xml_parameter':
        return xmlParameters(fields['json_schema']);
      case 'any_text':
      case 'any_tokens':
      case 'exclude_token':
        return { kind: 'prose', until: textsOf(fields['excludes'] ?? [], 'excludes') };
      case 'token':
        return text(textOf(fields['token'], 'token'));
      case 'grammar':
        return this.#grammar(textOf(fields['grammar'], 'grammar'));
      case 'regex':
        return regex(textOf(fields['pattern'], 'pattern'));
      case 'sequence':
        return seq(someOf(fields['elements'], 'elements').map(inner));
      case 'or':
        return choice(someOf(fields['elements'], 'elements').map(inner));
      case 'tag':
        return this.#tag(fields, depth);
      case 'optional':
        return repeat(inner(fields['content']), 0, 1);
      case 'plus':
        return repeat(inner(fields['content']), 1, null);
      case 'star':
        return repeat(inner(fields['content']), 0, null);
      case 'repeat':
        return repeat(inner(fields['content']), Number(fields['min']), maxOf(fields['max']));
      default:
        return this.#tags(fields, depth);
    }
  }

  /** The formats in which tags come where something triggers them. */
  #tags(fields: Fields, depth: number): Expr {
    switch (fields['type']) {
      case 'triggered_tags':
      case 'token_triggered_tags': {
        const triggers = textsOf(fields['triggers'] ?? fields['trigger_tokens'], 'triggers');
        if (triggers.length === 0) fail('triggers must not be empty');
        const tags = someOf(fields['tags'], 'tags').map((tag) => this.format(tag, depth + 1));
        return choice(tags);
      }
      case 'tags_with_separator': {
        const tags = choice(
          someOf(fields['tags'], 'tags').map((tag) => this.format(tag, depth + 1)),
        );
        if (fields['stop_after_first'] === true) return tags;
        const separator = text(textOf(fields['separator'], 'separator'));
        return seq([tags, repeat(seq([separator, tags]), 0, 1)]);
      }
      case 'dispatch':
      case 'token_dispatch': {
        const rules = someOf(fields['rules'], 'rules').map((rule) => {
          const [trigger, content] = listOf(rule, 'rule');
          return seq([text(textOf(trigger, 'trigger')), this.format(content, depth + 1)]);
        });
        return choice(rules);
      }
      default:
        return fail(`Format type not recognized: ${String(fields['type'])}`);
    }
  }

  #tag({ begin, content, end }: Fields, depth: number): Expr {
    const [first = ''] = endsOf(end);
    const inner = this.format(content, depth + 1);
    const ended: Expr =
      inner.kind === 'prose' ? { kind: 'prose', until: [...inner.until, ...endsOf(end)] } : inner;
    return seq([text(markOf(begin)), ended, first === '' ? EMPTY : text(first)]);
  }

  /** Rules of several grammars are kept apart by a number in front. */
  #grammar(source: string): Expr {
    const { root, rules } = parseEbnf(source);
    const prefix = `${this.rules.size}:`;
    for (const [name, rule] of rules) this.rules.set(prefix + name, renamed(rule, prefix));
    return renamed(root, prefix);
  }
}

function renamed(expr: Expr, prefix: string): Expr {
  switch (expr.kind) {
    case 'rule':
      return { kind: 'rule', name: prefix + expr.name };
    case 'seq':
      return { kind: 'seq', items: expr.items.map((item) => renamed(item, prefix)) };
    case 'choice':
      return { kind: 'choice', options: expr.options.map((option) => renamed(option, prefix)) };
    case 'repeat':
      return { ...expr, item: renamed(expr.item, prefix) };
    default:
      return expr;
  }
}

/** `<parameter=name>value</parameter>` a property, as Qwen's coder models write calls. */
function xmlParameters(schema: unknown): Expr {
  const { properties, required } = fieldsOf(schema, 'json_schema');
  const needed = Array.isArray(required) ? required.map(String) : [];
  const declared = fieldsOf(properties ?? {}, 'properties');
  const items = Object.entries(declared).map(([name, part]) => {
    const isText = typeof part === 'object' && (part as Fields | null)?.['type'] === 'string';
    const value: Expr = isText
      ? { kind: 'prose', until: ['</parameter>'] }
      : { kind: 'json', schema: part };
    const parameter = seq([text(`<parameter=${name}>`), value, text('</parameter>')]);
    return needed.includes(name) ? parameter : repeat(parameter, 0, 1);
  });
  return items.length === 0 ? EMPTY : seq(items);
}

function regex(pattern: string): Expr {
  const { expr, xgrammar, rust } = parseRegex(pattern);
  if (xgrammar !== null && rust !== null) fail(xgrammar.text);
  return expr;
}

function endsOf(end: unknown): readonly string[] {
  return Array.isArray(end) ? end.map(markOf) : [markOf(end)];
}

/** A text, or a token by its text. */
function markOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return textOf(fieldsOf(value, 'token')['token'], 'token');
}

function maxOf(value: unknown): number | null {
  return typeof value === 'number' && value >= 0 ? value : null;
}

function fieldsOf(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return fail(`${name} must be an object`);
  return value as Fields;
}

function listOf(value: unknown, name: string): readonly unknown[] {
  return Array.isArray(value) ? value : fail(`${name} must be an array`);
}

function someOf(value: unknown, name: string): readonly unknown[] {
  const list = listOf(value, name);
  return list.length > 0 ? list : fail(`${name} must not be empty`);
}

function textsOf(value: unknown, name: string): readonly string[] {
  return listOf(value, name).map((item) => textOf(item, name));
}

function textOf(value: unknown, name: string): string {
  return typeof value === 'string' ? value : fail(`${name} must be a string`);
}

function fail(message: string): never {
  throw new GrammarError(`Invalid structural tag error: ${message}`);
}
