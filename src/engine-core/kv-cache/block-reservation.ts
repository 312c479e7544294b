/**
 * Blocks that no request holds and none may have: a part of the pool really taken, so that the rest is short. Filled as
 * blocks become free.
 */
import type { BlockPool } from './pool/block-pool.ts';

export class BlockReservation {
  readonly #pool: BlockPool;
  readonly #blocks: number[] = [];
  #target = 0;

  constructor(pool: BlockPool) {
    this.#pool = pool;
  }

  get numBlocks(): number {
    return this.#blocks.length;
  }

  /** A share of all blocks but the null block, 0 to 1, rounded up: usage is then at least the share. */
  setShare(share: number): void {
    this.#target = Math.ceil(share * (this.#pool.numBlocks - 1));
    if (this.#blocks.length > this.#target)
      this.#pool.freeBlocks(this.#blocks.splice(this.#target).reverse());
    this.fill();
  }

  /** Takes what is free and still missing. */
  fill(): void {
    let missing = Math.min(this.#target - this.#blocks.length, this.#pool.numFreeBlocks);
    for (; missing > 0; missing -= 1) this.#blocks.push(this.#pool.getNewBlock());
  }

  /** Runs with all blocks given back, for what needs a pool that nobody holds anything of. */
  without<T>(action: () => T): T {
    this.#pool.freeBlocks(this.#blocks.splice(0).reverse());
    const result = action();
    this.fill();
    return result;
  }
}
