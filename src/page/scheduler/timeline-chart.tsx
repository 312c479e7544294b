import type { StepView } from '../../shared/twin-api/engine-views.ts';
import { withCommas } from '../figures.ts';
import { describeCell, type Lane, lanePath, timelineOf, tokensOf } from './timeline.ts';
import {
  BUDGET_HEIGHT,
  COUNTS_HEIGHT,
  LABEL_WIDTH,
  LANE_HEIGHT,
  LANE_PITCH,
  shortId,
  stairs,
} from './timeline-geometry.ts';

export const CELL_WIDTHS = { wide: 34, middle: 16, narrow: 6 } as const;
export type CellWidth = keyof typeof CELL_WIDTHS;

/** Cells of this width have room for their number of tokens. */
const NUMBERS_FROM = 30;

interface TimelineChartProps {
  readonly engine: number;
  readonly steps: readonly StepView[];
  readonly cellWidth: number;
  readonly maxTokens: number;
  readonly chosen: number | null;
  readonly onChoose: (step: number) => void;
}

/** A column a step, the newest right: budget, counts, and below them a lane a request. Arrow keys walk the steps. */
export function TimelineChart(props: TimelineChartProps) {
  const { engine, steps, cellWidth, maxTokens, chosen, onChoose } = props;
  const { lanes, numLanesLeftOut } = timelineOf(steps);
  const width = steps.length * cellWidth;
  const column = steps.findIndex(({ step }) => step === chosen);
  const onKeyDown = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (by === undefined) return;
    onChoose((chosen ?? 0) + by);
    event.preventDefault();
  };
  const onClick = (event: MouseEvent & { readonly currentTarget: HTMLElement }): void => {
    const { left, width: shownWidth } = event.currentTarget.getBoundingClientRect();
    // Larger text is a zoom, which the pointer's pixels have and the chart's have not.
    const zoom = shownWidth / event.currentTarget.offsetWidth;
    const x = (event.clientX - left) / zoom - LABEL_WIDTH;
    const pressed = steps[Math.floor(x / cellWidth)];
    if (x >= 0 && pressed !== undefined) onChoose(pressed.step);
  };
  return (
    <>
      <div
        class="timeline"
        role="application"
        aria-roledescription="timeline"
        aria-label={`Steps of engine ${engine}. Arrow keys walk from step to step; As a table has all values.`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it is walked with arrow keys
        tabIndex={0}
        onKeyDown={onKeyDown}
        onClick={onClick}
      >
        {column >= 0 && (
          <span
            class="timeline-chosen"
            style={{ left: `${LABEL_WIDTH + column * cellWidth}px`, width: `${cellWidth}px` }}
          />
        )}
        <BudgetRow steps={steps} cellWidth={cellWidth} width={width} maxTokens={maxTokens} />
        <CountsRow steps={steps} cellWidth={cellWidth} width={width} />
        {lanes.map((lane) => (
          <LaneRow key={lane.requestId} lane={lane} cellWidth={cellWidth} width={width} />
        ))}
        {numLanesLeftOut > 0 && (
          <p class="quiet">and {numLanesLeftOut} older requests: see a step's own list below</p>
        )}
        <StepAxis steps={steps} cellWidth={cellWidth} width={width} />
      </div>
      <ul class="timeline-legend" aria-label="Colours">
        <li>
          <span class="swatch is-prefill" /> prefill tokens
        </li>
        <li>
          <span class="swatch is-decode" /> decode tokens
        </li>
        <li>
          <span class="swatch is-waiting" /> waiting
        </li>
        <li>
          <span class="mark is-preempted">▼</span> preempted
        </li>
        <li>
          <span class="mark is-finished">●</span> finished
        </li>
      </ul>
    </>
  );
}

interface RowProps {
  readonly steps: readonly StepView[];
  readonly cellWidth: number;
  readonly width: number;
}

function BudgetRow({
  steps,
  cellWidth,
  width,
  maxTokens,
}: RowProps & { readonly maxTokens: number }) {
  const used = steps.map(tokensOf);
  const bar = (from: (at: number) => number, tokens: (at: number) => number): string =>
    steps
      .map((_, at) => {
        const height = heightOf(tokens(at), maxTokens);
        if (height === 0) return '';
        const y = BUDGET_HEIGHT - from(at) - height;
        return `M${at * cellWidth + 1} ${y.toFixed(2)}h${cellWidth - 2}v${height.toFixed(2)}h-${cellWidth - 2}z`;
      })
      .join('');
  const prefill = (at: number): number => used[at]?.prefill ?? 0;
  const decode = (at: number): number => used[at]?.decode ?? 0;
  return (
    <div class="timeline-row">
      <span class="timeline-label">
        token budget
        <small>of {withCommas(maxTokens)}</small>
      </span>
      <svg width={width} height={BUDGET_HEIGHT} aria-hidden="true">
        <path class="budget-line" d={`M0 .5H${width}`} />
        <path class="is-decode" d={bar(() => 0, decode)} />
        <path class="is-prefill" d={bar((at) => heightOf(decode(at), maxTokens), prefill)} />
        <path class="base-line" d={`M0 ${BUDGET_HEIGHT - 0.5}H${width}`} />
      </svg>
    </div>
  );
}

/** At least two pixels where there is anything: a decode token among 8,192 is to be seen, too. */
function heightOf(tokens: number, maxTokens: number): number {
  return tokens === 0 ? 0 : Math.max(2, (BUDGET_HEIGHT * tokens) / Math.max(1, maxTokens));
}

function CountsRow({ steps, cellWidth, width }: RowProps) {
  const running = steps.map(({ num_running }) => num_running);
  const waiting = steps.map(({ num_waiting }) => num_waiting);
  const max = Math.max(1, ...running, ...waiting);
  const size = { width: cellWidth, height: COUNTS_HEIGHT - 4, max };
  return (
    <div class="timeline-row">
      <span class="timeline-label">
        <span>
          <i class="key is-running" /> running <b>{running.at(-1)}</b>
        </span>
        <span>
          <i class="key is-waiting" /> waiting <b>{waiting.at(-1)}</b>
        </span>
      </span>
      <svg width={width} height={COUNTS_HEIGHT} aria-hidden="true">
        <g transform="translate(0 2)">
          <path class="stair is-waiting" d={stairs(waiting, size)} />
          <path class="stair is-running" d={stairs(running, size)} />
        </g>
      </svg>
    </div>
  );
}

function LaneRow({ lane, cellWidth, width }: { readonly lane: Lane } & Omit<RowProps, 'steps'>) {
  const size = { width: cellWidth, height: LANE_HEIGHT, gap: cellWidth > 10 ? 2 : 1 };
  return (
    <div class="timeline-row" style={{ height: `${LANE_PITCH}px` }}>
      <span class="timeline-label" title={lane.requestId}>
        <code>{shortId(lane.requestId)}</code>
      </span>
      <svg width={width} height={LANE_HEIGHT} aria-hidden="true">
        {(['waiting', 'prefill', 'decode'] as const).map((kind) => (
          <path key={kind} class={`is-${kind}`} d={lanePath(lane, kind, size)} />
        ))}
        {lane.cells.map((cell, column) => {
          if (cell === null) return null;
          const middle = column * cellWidth + cellWidth / 2;
          const tokens = cell.prefillTokens + cell.decodeTokens;
          const isNumbered = cellWidth >= NUMBERS_FROM && tokens > 0;
          if (!isNumbered && !cell.isPreempted && !cell.isFinished) return null;
          const isDecode = cell.prefillTokens === 0;
          return (
            <g key={column}>
              {isNumbered && (
                <text class={isDecode ? 'on-decode' : 'on-prefill'} x={middle} y={12.5}>
                  {tokens < 10_000 ? tokens : `${Math.round(tokens / 1000)}k`}
                </text>
              )}
              {cell.isPreempted && (
                <path class="is-preempted" d={`M${middle - 5} 3h10l-5 10z`}>
                  <title>{describeCell(cell)}</title>
                </path>
              )}
              {cell.isFinished && (
                <circle class="is-finished" cx={(column + 1) * cellWidth - 4} cy={4} r={3} />
              )}
            </g>
          );
        })}
      </svg>
    </div>
  );
}

function StepAxis({ steps, cellWidth, width }: RowProps) {
  const every = Math.ceil(40 / cellWidth);
  return (
    <div class="timeline-row timeline-axis">
      <span class="timeline-label">step</span>
      <svg width={width} height={16} aria-hidden="true">
        {steps.map(({ step }, at) =>
          step % every === 0 ? (
            <text key={step} x={at * cellWidth + cellWidth / 2} y={12}>
              {step}
            </text>
          ) : null,
        )}
      </svg>
    </div>
  );
}
