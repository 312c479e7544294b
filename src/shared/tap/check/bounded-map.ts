/** A map that lets its oldest entry go where it would grow beyond its bound, and remembers that it did. */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #maxSize: number;
  #hasForgotten = false;

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  /** Whether what it does not have may have been there. */
  get hasForgotten(): boolean {
    return this.#hasForgotten;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size <= this.#maxSize || oldest === undefined) return;
    this.#entries.delete(oldest);
    this.#hasForgotten = true;
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }
}
