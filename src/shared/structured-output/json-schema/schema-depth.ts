import { itemSchemas, memberSchemas } from './schema-check.ts';
import { type Fields, isFields, type SchemaTree } from './schema-tree.ts';

/** Levels beyond which a document counts as endless. */
const MAX_DEPTH = 64;

/** How many levels the flattest value of a schema has: 0 for a number, Infinity where every value holds another of it. */
export class SchemaDepth {
  readonly #tree: SchemaTree;
  /** By schema, then by the levels that are left. */
  readonly #known = new Map<unknown, Map<number, number>>();

  constructor(tree: SchemaTree) {
    this.#tree = tree;
  }

  of(schema: unknown): number {
    // From shallow to deep: most schemas are flat, and a recursive one is as deep as its first way out.
    for (const fuel of [4, 16, MAX_DEPTH]) {
      const depth = this.#depthOf(schema, fuel);
      if (depth < Infinity) return depth;
    }
    return Infinity;
  }

  #depthOf(schema: unknown, fuel: number): number {
    if (schema === false || fuel < 0) return Infinity;
    if (!isFields(schema)) return 0;
    const byFuel = this.#known.get(schema) ?? new Map<number, number>();
    this.#known.set(schema, byFuel);
    const known = byFuel.get(fuel);
    if (known !== undefined) return known;
    this.#tree.effort.spend();
    byFuel.set(fuel, Infinity);
    const depth = this.#work(schema, fuel);
    byFuel.set(fuel, depth);
    return depth;
  }

  #work(schema: Fields, fuel: number): number {
    const { fields, choices } = this.#tree.flatten(schema);
    let depth = this.#ownDepth(fields, fuel);
    for (const branches of choices) {
      const least = branches.reduce<number>(
        (best, branch) => Math.min(best, this.#depthOf(branch, fuel)),
        Infinity,
      );
      depth = Math.max(depth, least);
    }
    return depth;
  }

  #ownDepth(fields: Fields, fuel: number): number {
    const { type, enum: allowed } = fields;
    if (Array.isArray(allowed) || Object.hasOwn(fields, 'const')) return 0;
    const types: readonly unknown[] = Array.isArray(type) ? type : [type];
    const isFlat = types.some(
      (name) => name !== 'object' && name !== 'array' && name !== undefined,
    );
    if (isFlat) return 0;
    const depths = types.map((name) =>
      name === 'array' || (name === undefined && fields['items'] !== undefined)
        ? this.#arrayDepth(fields, fuel)
        : this.#objectDepth(fields, fuel),
    );
    return Math.min(...depths);
  }

  #objectDepth(fields: Fields, fuel: number): number {
    const { required } = fields;
    if (!Array.isArray(required)) return 0;
    let depth = 0;
    for (const name of required.map(String)) {
      for (const schema of memberSchemas(fields, name))
        depth = Math.max(depth, 1 + this.#depthOf(schema, fuel - 1));
    }
    return depth;
  }

  #arrayDepth(fields: Fields, fuel: number): number {
    const { minItems } = fields;
    const least = typeof minItems === 'number' ? minItems : 0;
    if (least === 0) return 0;
    const { prefix, rest } = itemSchemas(fields);
    const used = [...prefix.slice(0, least), ...(least > prefix.length ? [rest] : [])];
    return used.reduce<number>(
      (depth, schema) => Math.max(depth, 1 + this.#depthOf(schema, fuel - 1)),
      0,
    );
  }
}
