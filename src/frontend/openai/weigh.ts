/** How much there is to render in a value of JSON's kinds. Pure. */

/** What a value costs beside its characters. */
const VALUE_WEIGHT = 16;

/** Characters of all texts and keys, and something for each value; not counted on beyond `limit`. Walks no deeper than memory. */
export function weigh(value: unknown, limit: number): number {
  let weight = 0;
  const open: unknown[] = [value];
  while (open.length > 0 && weight <= limit) {
    const next = open.pop();
    weight += VALUE_WEIGHT;
    if (typeof next === 'string') weight += next.length;
    else if (Array.isArray(next)) for (const item of next) open.push(item);
    else if (typeof next === 'object' && next !== null) {
      for (const [key, item] of Object.entries(next)) {
        weight += key.length;
        open.push(item);
      }
    }
  }
  return weight;
}
