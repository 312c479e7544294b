/**
 * Text for the ids that a model has beyond the tokenizer that stands in for its own: load generators draw them at random,
 * and send the text. Pure.
 */

/**
 * A blank (U+0120 in the byte alphabet; bundles are ASCII, so it is escaped) and a word of small letters: next to another of
 * its kind it is encoded as that one token again.
 */
const WHOLE_WORD = /^\u0120[a-z]{2,}$/;

/** No model's vocabulary is as large: a larger id is in none. */
const MAX_VOCABULARY_SIZE = 2 ** 20;

/** `tokens`: the spelling by id. In order of id. */
export function wholeWordIds(tokens: readonly (string | undefined)[]): readonly number[] {
  const ids: number[] = [];
  for (const [id, token] of tokens.entries()) {
    if (token !== undefined && WHOLE_WORD.test(token)) ids.push(id);
  }
  return ids;
}

/**
 * The id whose spelling an id has: its own within the vocabulary, else one of `standIns`. Neighbours have nothing to do
 * with one another, so that two stretches of the larger vocabulary never read the same.
 */
export function knownId(id: number, maxTokenId: number, standIns: readonly number[]): number {
  if (id <= maxTokenId || id >= MAX_VOCABULARY_SIZE || standIns.length === 0) return id;
  let hash = Math.imul(id ^ (id >>> 16), 0x21f0aaad);
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97);
  return standIns[((hash ^ (hash >>> 15)) >>> 0) % standIns.length] ?? id;
}
