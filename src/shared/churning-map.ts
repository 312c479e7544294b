/**
 * A map whose entries come and go all the time, as running requests do. After as many deletions as it holds entries, V8
 * moves a Map to a new table, and the old table points to the new one: once a table has reached the old generation, it and
 * each one after it hold every request that ever stood in them until the next full collection. That was a sixth of the
 * frontend's CPU, spent on moving dead requests. Here a new Map takes over before V8 makes a new table.
 */
const MIN_DELETIONS = 16;

export class ChurningMap<Key, Value> {
  #map = new Map<Key, Value>();
  #numDeleted = 0;

  get size(): number {
    return this.#map.size;
  }

  get(key: Key): Value | undefined {
    return this.#map.get(key);
  }

  set(key: Key, value: Value): void {
    this.#map.set(key, value);
  }

  delete(key: Key): boolean {
    if (!this.#map.delete(key)) return false;
    this.#numDeleted += 1;
    if (this.#numDeleted > this.#map.size + MIN_DELETIONS) {
      this.#map = new Map(this.#map);
      this.#numDeleted = 0;
    }
    return true;
  }

  clear(): void {
    this.#map = new Map();
    this.#numDeleted = 0;
  }

  /** In the order in which they were set; not to be read on after a deletion. */
  keys(): Iterable<Key> {
    return this.#map.keys();
  }

  values(): Iterable<Value> {
    return this.#map.values();
  }
}
