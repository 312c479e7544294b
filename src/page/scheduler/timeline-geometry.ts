/** Sizes of the timeline in pixels. */

/** Names of requests, left of the steps. */
export const LABEL_WIDTH = 150;
export const BUDGET_HEIGHT = 56;
export const COUNTS_HEIGHT = 34;
export const LANE_HEIGHT = 18;
export const LANE_PITCH = 22;

/** A staircase through a value a step, from the left edge of the first to the right edge of the last. */
export function stairs(
  values: readonly number[],
  { width, height, max }: { readonly width: number; readonly height: number; readonly max: number },
): string {
  const points = values.map((value, at) => {
    const y = Number((height - (height * value) / Math.max(1, max)).toFixed(2));
    return `${at === 0 ? 'M0' : 'V'}${at === 0 ? ` ${y}` : y}H${(at + 1) * width}`;
  });
  return points.join('');
}

/** A request id in the room of a label: its end tells requests apart. */
export function shortId(id: string, characters = 20): string {
  return id.length <= characters ? id : `${id.slice(0, 6)}…${id.slice(-(characters - 7))}`;
}
