import type { Recognizer } from '../../shared/structured-output/recognizer.ts';
import type { Tokenizer } from '../../shared/tokenizer/tokenizer.ts';
import type { TokenGrammar } from './structured-output.ts';

/**
 * Judges tokens by the texts they stand for. Once the text is complete a stop token ends it, and whatever follows is free.
 * Source: vllm/v1/structured_output/backend_xgrammar.py XgrammarGrammar (0.33.0).
 */
export class TextGrammar implements TokenGrammar {
  readonly #recognizer: Recognizer;
  readonly #tokenizer: Tokenizer;
  readonly #stopTokenIds: readonly number[];
  #isTerminated = false;

  constructor(recognizer: Recognizer, tokenizer: Tokenizer, stopTokenIds: readonly number[]) {
    this.#recognizer = recognizer;
    this.#tokenizer = tokenizer;
    this.#stopTokenIds = stopTokenIds;
  }

  accept(tokenId: number): boolean {
    if (this.#isTerminated) return true;
    if (!this.#stopTokenIds.includes(tokenId)) return this.#acceptText(tokenId);
    if (!this.#recognizer.isComplete) return false;
    this.#isTerminated = true;
    return true;
  }

  countAccepted(tokenIds: readonly number[]): number {
    if (this.#isTerminated) return 0;
    const position = this.#recognizer.position;
    let count = 0;
    for (const tokenId of tokenIds) {
      if (this.#stopTokenIds.includes(tokenId)) {
        if (this.#recognizer.isComplete) count += 1;
        break;
      }
      if (!this.#acceptText(tokenId)) break;
      count += 1;
    }
    this.#recognizer.rollBack(position);
    return count;
  }

  /** A special token stands for no text that a grammar knows. */
  #acceptText(tokenId: number): boolean {
    const piece = this.#tokenizer.decode([tokenId], { skipSpecialTokens: true });
    return piece !== '' && this.#recognizer.accept(piece);
  }
}
