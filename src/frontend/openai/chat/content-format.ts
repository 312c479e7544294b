/**
 * Finds out whether a chat template walks over the parts of a message's content. Pure.
 * Source: vllm/renderers/hf.py _detect_content_format (0.33.0). Works on the template's text instead of its syntax
 * tree: loops and assignments over `messages` and their `content` are what both look for.
 */
import type { ContentFormat } from './messages.ts';

const STATEMENT = /\{%-?\s*(for|set)\s+([\s\S]*?)-?%\}/g;
const FOR = /^(\w+)(?:\s*,\s*\w+)*\s+in\s+([\s\S]*)$/;
const SET = /^([\w.]+)\s*=\s*([\s\S]*)$/;

export function detectContentFormat(template: string): ContentFormat {
  const statements = [...template.matchAll(STATEMENT)].map((match) => ({
    kind: match[1] ?? '',
    body: (match[2] ?? '').trim(),
  }));
  const lists = collectAliases(statements, new Set(['messages']), isAccessTo);
  const messages = new Set<string>();
  for (const { kind, body } of statements) {
    const match = kind === 'for' ? FOR.exec(body) : null;
    if (match !== null && isAccessTo(match[2] ?? '', lists)) messages.add(match[1] ?? '');
  }
  for (const { kind, body } of statements) {
    const match = kind === 'for' ? FOR.exec(body) : null;
    if (match === null) continue;
    const iterated = match[2] ?? '';
    if (isContentOf(iterated, messages) || /^content\b(?!\.|\[|\()/.test(iterated)) return 'openai';
  }
  return 'string';
}

type Access = (expression: string, names: ReadonlySet<string>) => boolean;

function collectAliases(
  statements: readonly { kind: string; body: string }[],
  names: Set<string>,
  isAccess: Access,
): ReadonlySet<string> {
  let before = -1;
  while (before !== names.size) {
    before = names.size;
    for (const { kind, body } of statements) {
      const match = kind === 'set' ? SET.exec(body) : null;
      if (match === null) continue;
      const [, target = '', value = ''] = match;
      if (isAccess(value, names)) names.add(target);
      const namespace = /^namespace\(([\s\S]*)\)$/.exec(value.trim());
      for (const [, key = '', bound = ''] of (namespace?.[1] ?? '').matchAll(
        /(\w+)\s*=\s*([\w.[\]:'"]+)/g,
      )) {
        if (isAccess(bound, names)) names.add(`${target}.${key}`);
      }
    }
  }
  return names;
}

/** The name itself, a slice of it, or either through filters. */
function isAccessTo(expression: string, names: ReadonlySet<string>): boolean {
  const base = expression.split('|')[0]?.split(/\s+(?:if|is)\s+/)[0] ?? '';
  const name = base.trim().replace(/\[[^\]]*:[^\]]*\]$/, '');
  return names.has(name);
}

function isContentOf(expression: string, messages: ReadonlySet<string>): boolean {
  const base = expression.split('|')[0]?.trim() ?? '';
  const match = /^([\w.]+?)(?:\.content|\[['"]content['"]\])(?:\[[^\]]*:[^\]]*\])?$/.exec(base);
  return match !== null && messages.has(match[1] ?? '');
}
