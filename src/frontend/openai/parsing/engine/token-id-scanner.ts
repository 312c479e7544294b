/**
 * Tokens that are terminals by their ids, and the texts between them. A terminal whose text the detokenizer still holds
 * back waits for it. Source: vllm/parser/engine/token_id_scanner.py (0.33.0).
 */
import type { ParserTokenizer } from '../types.ts';

/** Special tokens of no meaning to the format: dropped. */
export const DROP_TERMINAL = '__DROP__';

export interface TextChunk {
  readonly kind: 'text';
  readonly text: string;
  readonly tokenTexts: readonly string[];
  readonly tokenCount: number;
}

export interface TerminalToken {
  readonly kind: 'terminal';
  readonly terminal: string;
  readonly text: string;
}

export type ScannedItem = TextChunk | TerminalToken;

interface Deferred {
  readonly terminal: TerminalToken;
  /** Tokens before it whose text has not come either. */
  prefixCount: number;
}

function chunk(text: string, tokenTexts: readonly string[] = [], tokenCount = 0): TextChunk {
  return { kind: 'text', text, tokenTexts, tokenCount };
}

export class TokenIdScanner {
  readonly #terminals: ReadonlyMap<number, string>;
  readonly #tokenizer: ParserTokenizer;
  #deferred: Deferred[] = [];
  #trailingCount = 0;
  #heldText = '';

  constructor(terminals: ReadonlyMap<number, string>, tokenizer: ParserTokenizer) {
    this.#terminals = terminals;
    this.#tokenizer = tokenizer;
  }

  get hasDeferred(): boolean {
    return this.#deferred.length > 0;
  }

  reset(): void {
    this.#deferred = [];
    this.#trailingCount = 0;
    this.#heldText = '';
  }

  hasTerminal(ids: readonly number[]): boolean {
    return ids.some((id) => this.#terminals.has(id));
  }

  scan(deltaText: string, deltaIds: readonly number[]): readonly ScannedItem[] {
    const resolved =
      this.#deferred.length > 0
        ? this.#resolveDeferred(deltaText, deltaIds.length)
        : { items: [], rest: deltaText, trailing: 0 };
    const { items, rest, trailing } = resolved;
    if (!this.hasTerminal(deltaIds)) {
      if (rest === '') return items;
      const texts = deltaIds.map((id) => this.#tokenizer.decode([id]));
      return [...items, chunk(rest, texts, trailing + texts.length)];
    }
    const scanned = this.#byTokens(deltaIds);
    if (trailing > 0) scanned.unshift(chunk('', [], trailing));
    if (rest !== '') return [...items, ...this.#withHeldBack(rest, scanned)];
    this.#defer(scanned);
    return items;
  }

  #byTokens(ids: readonly number[]): ScannedItem[] {
    const items: ScannedItem[] = [];
    let texts: string[] = [];
    const endText = () => {
      const joined = texts.join('');
      if (joined !== '') items.push(chunk(joined, texts, texts.length));
      texts = [];
    };
    for (const id of ids) {
      const terminal = this.#terminals.get(id);
      const text = this.#tokenizer.decode([id]);
      if (terminal === undefined) texts.push(text);
      else {
        endText();
        items.push({ kind: 'terminal', terminal, text });
      }
    }
    endText();
    return items;
  }

  /** There is no text yet to tell where the terminals stand. */
  #defer(items: readonly ScannedItem[]): void {
    let prefixCount = 0;
    for (const item of items) {
      if (item.kind === 'text') prefixCount += item.tokenCount;
      else {
        this.#deferred.push({ terminal: item, prefixCount });
        prefixCount = 0;
      }
    }
    this.#trailingCount += prefixCount;
  }

  flush(): readonly ScannedItem[] {
    if (this.#deferred.length === 0 && this.#heldText === '') return [];
    const items: ScannedItem[] = [];
    if (this.#heldText !== '') {
      items.push(chunk(this.#heldText, [], this.#deferred[0]?.prefixCount ?? 0));
    }
    items.push(...this.#deferred.map(({ terminal }) => terminal));
    if (this.#trailingCount > 0) items.push(chunk('', [], this.#trailingCount));
    this.reset();
    return items;
  }

  #resolveDeferred(
    deltaText: string,
    numIds: number,
  ): { items: ScannedItem[]; rest: string; trailing: number } {
    const waiting = this.#deferred;
    const trailing = this.#trailingCount;
    let rest = this.#heldText + deltaText;
    this.reset();
    const items: ScannedItem[] = [];
    for (const { terminal, prefixCount } of waiting) {
      const at = rest.indexOf(terminal.text);
      if (at >= 0) {
        if (at > 0) items.push(chunk(rest.slice(0, at), [], prefixCount));
        items.push(terminal);
        rest = rest.slice(at + terminal.text.length);
        continue;
      }
      const holdsMore = rest !== '';
      this.#heldText += rest;
      rest = '';
      this.#deferred.push({ terminal, prefixCount: prefixCount + (holdsMore ? numIds : 0) });
    }
    if (this.#deferred.length === 0) return { items, rest, trailing };
    this.#trailingCount = trailing;
    return { items, rest, trailing: 0 };
  }

  /** Text that the detokenizer had held back comes before what the tokens say. */
  #withHeldBack(deltaText: string, items: readonly ScannedItem[]): readonly ScannedItem[] {
    if (items.length === 0) return [chunk(deltaText)];
    const said = items.map(({ text }) => text).join('');
    const at = said === '' ? deltaText.length : deltaText.indexOf(said);
    if (at > 0) return [chunk(deltaText.slice(0, at)), ...items];
    return at === 0 ? items : this.#rebuild(deltaText, items);
  }

  /** Tokens alone decode otherwise than together: the text is parted where its terminals are found, from its end. */
  #rebuild(deltaText: string, items: readonly ScannedItem[]): readonly ScannedItem[] {
    const anchors = items.filter((item) => item.kind === 'terminal');
    if (anchors.length === 0) return [chunk(deltaText)];
    const groups = groupBetween(items);
    const positions = positionsFromEnd(deltaText, anchors);
    const rebuilt: ScannedItem[] = [];
    let consumed = 0;
    const takeText = (end: number, index: number) => {
      const { texts, count } = groups[index] ?? { texts: [], count: 0 };
      if (end > consumed) rebuilt.push(chunk(deltaText.slice(consumed, end), texts, count));
    };
    for (const [i, anchor] of anchors.entries()) {
      const position = positions[i] ?? -1;
      if (position >= consumed) {
        takeText(position, i);
        rebuilt.push(anchor);
        consumed = position + anchor.text.length;
        continue;
      }
      const hasLater = positions.slice(i + 1).some((later) => later >= 0);
      if (!hasLater && anchor.terminal !== DROP_TERMINAL) {
        this.#heldText += deltaText.slice(consumed);
        consumed = deltaText.length;
      }
      this.#deferred.push({ terminal: anchor, prefixCount: groups[i]?.count ?? 0 });
    }
    takeText(deltaText.length, anchors.length);
    return rebuilt;
  }
}

/** The tokens before each terminal, and those after the last. */
function groupBetween(items: readonly ScannedItem[]): { texts: string[]; count: number }[] {
  const groups = [{ texts: [] as string[], count: 0 }];
  for (const item of items) {
    if (item.kind === 'terminal') {
      groups.push({ texts: [], count: 0 });
      continue;
    }
    const group = groups[groups.length - 1];
    if (group === undefined) continue;
    group.texts.push(...item.tokenTexts);
    group.count += item.tokenCount;
  }
  return groups;
}

function positionsFromEnd(text: string, anchors: readonly TerminalToken[]): readonly number[] {
  const positions = new Array<number>(anchors.length).fill(-1);
  let end = text.length;
  for (let i = anchors.length - 1; i >= 0; i--) {
    const sought = anchors[i]?.text ?? '';
    const at = end < sought.length ? -1 : text.lastIndexOf(sought, end - sought.length);
    if (at < 0) continue;
    positions[i] = at;
    end = at;
  }
  return positions;
}
