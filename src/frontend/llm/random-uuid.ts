/** Random ids as vLLM makes them. Source: vllm/utils/__init__.py random_uuid (0.33.0): 16 hexadecimal digits. */
import { randomFillSync } from 'node:crypto';

const POOL_SIZE = 4096;

/** Random bytes are drawn in bulk: one system call serves many ids. */
class RandomPool {
  readonly #bytes = Buffer.alloc(POOL_SIZE);
  #at = POOL_SIZE;

  hex(length: number): string {
    const count = length / 2;
    if (this.#at + count > POOL_SIZE) {
      randomFillSync(this.#bytes);
      this.#at = 0;
    }
    const text = this.#bytes.toString('hex', this.#at, this.#at + count);
    this.#at += count;
    return text;
  }
}

const pool = new RandomPool();

/** `length` hexadecimal digits; an even number. */
export function randomHex(length: number): string {
  return pool.hex(length);
}

export function randomUuid(): string {
  return pool.hex(16);
}
