import type { KVCacheSpec } from './spec.ts';
import { equalityKey } from './spec-equality.ts';

/** Distinct specs in order of first use. A draft's layers stay apart from equal ones of the target: records tell them apart. */
export class SpecTable {
  readonly specs: KVCacheSpec[] = [];
  readonly #indexBySpec = new Map<KVCacheSpec, number>();
  readonly #indexByKey = new Map<string, number>();

  indexOf(spec: KVCacheSpec): number {
    const known = this.#indexBySpec.get(spec);
    if (known !== undefined) return known;
    const key = `${spec.isDraft} ${equalityKey(spec)}`;
    const index = this.#indexByKey.get(key) ?? this.specs.push(spec) - 1;
    this.#indexByKey.set(key, index);
    this.#indexBySpec.set(spec, index);
    return index;
  }

  /** The equal spec that came first: one object stands for all of them. */
  intern(spec: KVCacheSpec): KVCacheSpec {
    return this.specs[this.indexOf(spec)] ?? spec;
  }
}
