import { COLOUR_PALETTE, PLAIN_PALETTE } from '../text-layout.ts';
import { compareTwoVersions } from './comparison.ts';
import { comparisonJson, listJson } from './json.ts';
import { knownVersions, readVersion } from './known-versions.ts';
import { comparisonText, listText } from './text.ts';

/** What `versions` prints: of two versions, or the list. Throws E_BAD_FLAG for a version of which nothing is known. */
export function answerVersions(
  pair: readonly [from: string, to: string] | null,
  { asJson, colours }: { readonly asJson: boolean; readonly colours: boolean },
): string {
  const palette = colours ? COLOUR_PALETTE : PLAIN_PALETTE;
  if (pair === null) return asJson ? listJson(knownVersions()) : listText(knownVersions(), palette);
  const [from, to] = pair.map(readVersion) as [string, string];
  const comparison = compareTwoVersions(from, to);
  return asJson ? comparisonJson(comparison) : comparisonText(comparison, palette);
}
