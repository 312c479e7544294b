/** Random ids as vLLM makes them. Source: vllm/utils/__init__.py random_uuid (0.33.0): 16 hexadecimal digits. */
import { randomFillSync } from 'node:crypto';

const POOL_SIZE = 4096;

/** Random digits are drawn in bulk: one system call serves many ids. */
class RandomPool {
  readonly #bytes = Buffer.alloc(POOL_SIZE / 2);
  #digits = '';
  #at = 0;

  hex(length: number): string {
    if (this.#at + length > this.#digits.length) {
      this.#digits = randomFillSync(this.#bytes).toString('hex');
      this.#at = 0;
    }
    this.#at += length;
    return this.#digits.slice(this.#at - length, this.#at);
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
