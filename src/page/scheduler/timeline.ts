/** Steps as lanes: a column a step, a lane a request. */
import type { EngineSteps, StepView } from '../../shared/twin-api/engine-views.ts';

/** How many steps the page keeps of an engine; older ones fall out. */
export const MAX_STEPS_KEPT = 2_000;
/** Lanes shown at once; a window of steps with more requests says how many it leaves out. */
export const MAX_LANES = 48;

export interface LaneCell {
  readonly prefillTokens: number;
  readonly decodeTokens: number;
  readonly isWaiting: boolean;
  readonly isPreempted: boolean;
  readonly isFinished: boolean;
}

export interface Lane {
  readonly requestId: string;
  /** One a step of the window; null where the request had no part in it. */
  readonly cells: readonly (LaneCell | null)[];
}

export interface Timeline {
  readonly steps: readonly StepView[];
  readonly lanes: readonly Lane[];
  readonly numLanesLeftOut: number;
}

/** The kept steps with the newly told ones at their end; steps that are there already are not taken twice. */
export function mergeSteps(
  kept: readonly StepView[],
  told: EngineSteps['steps'],
): readonly StepView[] {
  const last = kept.at(-1)?.step ?? 0;
  const fresh = told.filter(({ step }) => step > last);
  if (fresh.length === 0) return kept;
  return [...kept, ...fresh].slice(-MAX_STEPS_KEPT);
}

/** The steps up to the one numbered `end` (null: up to the newest), at most `columns` of them. */
export function stepWindow(
  steps: readonly StepView[],
  columns: number,
  end: number | null,
): readonly StepView[] {
  if (end === null) return steps.slice(-columns);
  const after = steps.findIndex(({ step }) => step > end);
  const until = after === -1 ? steps.length : after;
  // The oldest steps fill the window, too.
  const from = Math.max(0, until - columns);
  return steps.slice(from, from + columns);
}

/** The steps in order, and a lane for each request that had a part in them: those still going last are below. */
export function timelineOf(steps: readonly StepView[]): Timeline {
  const cells = new Map<string, (LaneCell | null)[]>();
  steps.forEach((step, column) => {
    for (const [id, cell] of cellsOf(step)) {
      let lane = cells.get(id);
      if (lane === undefined) {
        lane = new Array<LaneCell | null>(steps.length).fill(null);
        cells.set(id, lane);
      }
      lane[column] = cell;
    }
  });
  const lanes = [...cells].map(([requestId, row]) => ({ requestId, cells: row }));
  const shown = lanes.slice(-MAX_LANES);
  return { steps, lanes: shown, numLanesLeftOut: lanes.length - shown.length };
}

function cellsOf(step: StepView): ReadonlyMap<string, LaneCell> {
  const cells = new Map<string, LaneCell>();
  const none: LaneCell = {
    prefillTokens: 0,
    decodeTokens: 0,
    isWaiting: false,
    isPreempted: false,
    isFinished: false,
  };
  const change = (id: string, part: Partial<LaneCell>): void => {
    cells.set(id, { ...none, ...cells.get(id), ...part });
  };
  for (const { request_id, num_tokens, num_prefill_tokens } of step.scheduled) {
    change(request_id, {
      prefillTokens: num_prefill_tokens,
      decodeTokens: num_tokens - num_prefill_tokens,
    });
  }
  for (const { request_id } of step.waiting) change(request_id, { isWaiting: true });
  for (const id of step.preempted) change(id, { isPreempted: true });
  for (const id of step.finished) change(id, { isFinished: true });
  return cells;
}

/** Tokens of a step by kind. */
export function tokensOf(step: StepView): { readonly prefill: number; readonly decode: number } {
  const prefill = step.scheduled.reduce(
    (sum, { num_prefill_tokens }) => sum + num_prefill_tokens,
    0,
  );
  return { prefill, decode: step.total_tokens - prefill };
}

export type CellKind = 'prefill' | 'decode' | 'waiting';

export interface CellSize {
  readonly width: number;
  readonly height: number;
  /** Between cells, left and right halves together. */
  readonly gap: number;
}

/** What of a cell belongs to a kind: a step with prefill and decode tokens of one request is both, one above the other. */
function partOf(cell: LaneCell, kind: CellKind): { readonly from: number; readonly share: number } {
  const { prefillTokens, decodeTokens, isWaiting } = cell;
  const all = prefillTokens + decodeTokens;
  switch (kind) {
    case 'waiting':
      return { from: 0, share: isWaiting && all === 0 ? 1 : 0 };
    case 'prefill':
      return { from: 0, share: prefillTokens === 0 ? 0 : decodeTokens > 0 ? 0.5 : 1 };
    case 'decode':
      return decodeTokens === 0
        ? { from: 0, share: 0 }
        : prefillTokens > 0
          ? { from: 0.5, share: 0.5 }
          : { from: 0, share: 1 };
  }
}

/** All cells of a kind in a lane as one SVG path; empty where there is none. Waiting is a thin line through the middle. */
export function lanePath(lane: Lane, kind: CellKind, { width, height, gap }: CellSize): string {
  const isLine = kind === 'waiting';
  const full = isLine ? 2 : height;
  const top = isLine ? (height - full) / 2 : 0;
  const side = isLine ? 0 : gap / 2;
  return lane.cells
    .map((cell, column) => {
      if (cell === null) return '';
      const { from, share } = partOf(cell, kind);
      if (share === 0) return '';
      const x = column * width + side;
      return `M${x} ${top + from * full}h${width - 2 * side}v${share * full}h-${width - 2 * side}z`;
    })
    .join('');
}

/** What happened to a request in a step, in a few words. */
export function describeCell(cell: LaneCell): string {
  const { prefillTokens, decodeTokens, isWaiting, isPreempted, isFinished } = cell;
  const n = (value: number): string => value.toLocaleString('en-US');
  const parts = [
    prefillTokens > 0 ? `${n(prefillTokens)} prefill` : '',
    decodeTokens > 0 ? `${n(decodeTokens)} decode` : '',
    isPreempted ? 'preempted' : '',
    isWaiting && !isPreempted ? 'waiting' : '',
    isFinished ? 'finished' : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}
