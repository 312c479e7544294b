/**
 * `--json-flag.a.b value`: keys of a JSON flag, one word each, collected into one object per flag.
 * Source: vllm/utils/argparse_utils.py FlexibleArgumentParser.parse_args (0.33.0).
 */
import { parseHumanInt } from '../../shared/config/coerce.ts';
import type { FieldKey } from '../../shared/config/registry.ts';

export class DottedKeys {
  readonly #objects = new Map<FieldKey, { origin: string; root: Record<string, unknown> }>();

  add(
    key: FieldKey,
    flag: {
      readonly written: string;
      readonly path: readonly string[];
      readonly words: readonly string[];
      readonly isAppended: boolean;
    },
  ): void {
    const [word = ''] = flag.words;
    const root = this.#objects.get(key)?.root ?? emptyObject();
    this.#objects.set(key, { origin: flag.written, root });
    let node = root;
    for (const part of flag.path.slice(0, -1)) node = childOf(node, part);
    const last = flag.path.at(-1) ?? '';
    const before = node[last];
    if (!flag.isAppended) node[last] = parseScalar(word);
    else node[last] = [...(Array.isArray(before) ? before : []), ...word.split(',')];
  }

  /** One setting per flag: its object as JSON. */
  get values(): ReadonlyMap<FieldKey, { words: readonly string[]; origin: string }> {
    const values = new Map<FieldKey, { words: readonly string[]; origin: string }>();
    for (const [key, { origin, root }] of this.#objects)
      values.set(key, { words: [JSON.stringify(root)], origin });
    return values;
  }
}

function childOf(node: Record<string, unknown>, name: string): Record<string, unknown> {
  const child = node[name];
  if (typeof child === 'object' && child !== null) return child as Record<string, unknown>;
  const made = emptyObject();
  node[name] = made;
  return made;
}

/** Without a prototype: any key is only a key. */
function emptyObject(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}

/** JSON, or a whole number with a unit (80g), or the text itself. */
function parseScalar(word: string): unknown {
  try {
    return JSON.parse(word);
  } catch {
    return parseHumanInt(word) ?? word;
  }
}
