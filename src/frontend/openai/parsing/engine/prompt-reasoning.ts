/**
 * What token ids say of reasoning: whether a prompt has ended it, and where in an output content begins.
 * Source: vllm/parser/engine/parser_engine.py ParserEngine.is_reasoning_end, extract_content_ids (0.33.0). Pure.
 */
import type { ParserTokenizer } from '../types.ts';
import type { ParserEngineConfig } from './engine-config.ts';

export class PromptReasoning {
  readonly #waits: boolean;
  readonly #doesStartOpen: boolean;
  readonly #startId: number | null;
  readonly #endId: number | null;
  readonly #endIds: ReadonlySet<number>;
  readonly #boundaryIds: ReadonlySet<number>;

  constructor(config: ParserEngineConfig, tokenizer: ParserTokenizer) {
    const idOf = (text: string | undefined) =>
      text === undefined ? null : tokenizer.tokenId(text);
    this.#waits = config.waitForReasoning ?? config.initialState === 'reasoning';
    this.#doesStartOpen =
      config.transitions[config.initialState]?.['THINK_START']?.next === 'reasoning';
    this.#startId = idOf(config.tokenIdTerminals['THINK_START']);
    this.#endId = idOf(config.tokenIdTerminals['THINK_END']);
    this.#endIds = endIds(config, tokenizer);
    this.#boundaryIds = new Set(config.turnBoundaryTokens.map(idOf).filter((id) => id !== null));
  }

  get hasBoundaries(): boolean {
    return this.#boundaryIds.size > 0;
  }

  hasEnded(ids: readonly number[]): boolean {
    for (let i = ids.length - 1; i >= 0; i--) {
      const id = ids[i] as number;
      if (this.#endIds.has(id)) return true;
      if (id === this.#startId) {
        if (this.#doesStartOpen) return false;
        break;
      }
      if (this.#boundaryIds.has(id)) break;
    }
    return !this.#waits;
  }

  contentIds(ids: readonly number[]): readonly number[] {
    if (!this.#waits) return ids;
    const end = this.#endId === null ? -1 : ids.lastIndexOf(this.#endId);
    if (end >= 0) return ids.slice(end + 1);
    if (this.#endIds.size === 0) return ids;
    const turnStart = ids.findLastIndex((id) => this.#boundaryIds.has(id)) + 1;
    const at = ids.findIndex((id, i) => i >= turnStart && this.#endIds.has(id));
    return at === -1 ? ids : ids.slice(at);
  }
}

/** Ids that end reasoning; none where it may end by text alone. Source: _derive_reasoning_end_token_ids. */
function endIds(config: ParserEngineConfig, tokenizer: ParserTokenizer): ReadonlySet<number> {
  const ids = new Set<number>();
  for (const [terminal, { next, events }] of Object.entries(config.transitions.reasoning ?? {})) {
    if (!events.includes('reasoningEnd')) {
      if (next !== 'reasoning') return new Set();
      continue;
    }
    const text = config.tokenIdTerminals[terminal];
    const id = text === undefined ? null : tokenizer.tokenId(text);
    if (id !== null) ids.add(id);
    else if (next === 'content') return new Set();
  }
  return ids;
}
