/** The words that name what queries are judged against: of `--vllm` and `--with`, and of the library's call. */
import { closestName } from '../shared/config/suggestion.ts';
import { ConfigError } from '../shared/errors.ts';
import { VLLM_VERSION } from '../shared/version.ts';

/** Words in lists, with commas, or both. */
export const listed = (words: readonly string[] = []): readonly string[] =>
  words
    .flatMap((word) => word.split(','))
    .map((word) => word.trim())
    .filter((word) => word !== '');

/**
 * Each version once; the one that the twin follows where `words` is not given. `option` is how an error calls them.
 * Throws E_BAD_FLAG for one that is not known, and for none.
 */
export function namedVersions(
  words: readonly string[] | undefined,
  known: readonly string[],
  option: string,
): readonly string[] {
  if (words === undefined) return [VLLM_VERSION];
  const asked = [...new Set(listed(words).map((word) => word.replace(/^v/, '')))];
  if (asked.length === 0)
    throw refused(`${option} '': must name a version; one of ${known.join(', ')}`);
  const unknown = asked.find((version) => !known.includes(version));
  if (unknown !== undefined)
    throw refused(`${option} '${unknown}': no version that is known; one of ${known.join(', ')}`);
  return asked;
}

/** `known` may hold `connector=NAME`, which stands for any. Throws E_BAD_FLAG for one that is not known. */
export function namedFeatures(
  words: readonly string[] | undefined,
  known: readonly string[],
  option: string,
): ReadonlySet<string> {
  const isKnown = (word: string): boolean =>
    known.includes(word) || (/^connector=\w+$/.test(word) && known.includes('connector=NAME'));
  const asked = listed(words);
  const unknown = asked.find((word) => !isKnown(word));
  if (unknown !== undefined)
    throw refused(
      `${option} '${unknown}': no feature${meant(unknown, known)}; one of ${known.join(', ')}`,
    );
  return new Set(asked);
}

/** For an error, where a word is nearly one that is known. */
export function meant(word: string, known: readonly string[]): string {
  const closest = closestName(word, known);
  return closest === null ? '' : ` (did you mean ${closest}?)`;
}

const refused = (text: string): ConfigError => new ConfigError('E_BAD_FLAG', text);
