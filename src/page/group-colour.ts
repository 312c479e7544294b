/** As many as group-colours.css has. */
export const NUM_GROUP_COLOURS = 8;

/** The colour of a KV cache group in every tab, as CSS. */
export function groupColour(group: number): string {
  return `var(--group-${group % NUM_GROUP_COLOURS})`;
}
