/** An engine's steps: who got how many tokens, who waited, and why. */
import '../tabs.css';
import './scheduler.css';
import { useEffect, useState } from 'preact/hooks';
import type { EngineSteps, StepView } from '../../shared/twin-api/engine-views.ts';
import { withCommas } from '../figures.ts';
import type { TabProps } from '../tab-props.ts';
import { usePolling } from '../use-polling.ts';
import { useWidth } from '../use-width.ts';
import { StepDetails } from './step-details.tsx';
import { StepTable } from './step-table.tsx';
import { mergeSteps, stepWindow } from './timeline.ts';
import { CELL_WIDTHS, type CellWidth, TimelineChart } from './timeline-chart.tsx';
import { LABEL_WIDTH } from './timeline-geometry.ts';
import { WaitingList } from './waiting-list.tsx';

const LOOK_EVERY_MS = 200;

interface Looked {
  readonly told: EngineSteps;
  readonly steps: readonly StepView[];
}

export function SchedulerTab({ client, engine }: TabProps) {
  const [cellWidth, setCellWidth] = useState<CellWidth>(() =>
    matchMedia('(max-width: 600px)').matches ? 'middle' : 'wide',
  );
  const [shownAs, setShownAs] = useState<'timeline' | 'table'>('timeline');
  // The last step of the window and the step that is looked at; null: the newest.
  const [end, setEnd] = useState<number | null>(null);
  const [chosen, setChosen] = useState<number | null>(null);
  const [ref, width] = useWidth();
  useEffect(() => {
    setEnd(null);
    setChosen(null);
  }, [engine]);
  const { value, error } = usePolling<EngineSteps, Looked>(
    `${engine}`,
    LOOK_EVERY_MS,
    (last) => client.engineView(engine, 'steps', { since: last?.steps.at(-1)?.step ?? 0 }),
    (told, last) => ({ told, steps: mergeSteps(last?.steps ?? [], told.steps) }),
  );
  const { told, steps } = value ?? { told: null, steps: [] };
  const columns = Math.max(1, Math.floor((width - LABEL_WIDTH) / CELL_WIDTHS[cellWidth]));
  const shown = stepWindow(steps, columns, end);
  const lastShown = shown.at(-1)?.step ?? 0;
  const newest = steps.at(-1)?.step ?? 0;
  const step = steps.find((one) => one.step === chosen) ?? steps.at(-1) ?? null;

  /** Moves the window so that its last step is `to`; at the newest it follows again. */
  const moveTo = (to: number): void => {
    const first = (steps[0]?.step ?? 1) + columns - 1;
    setEnd(to >= newest ? null : Math.max(to, Math.min(first, newest)));
  };
  const choose = (to: number): void => {
    const within = Math.min(newest, Math.max(steps[0]?.step ?? 1, to));
    setChosen(within);
    if (within > lastShown) moveTo(within);
    else if (within < (shown[0]?.step ?? 0)) moveTo(within + columns - 1);
    // A step that is looked at stands still.
    else if (end === null) moveTo(lastShown === newest ? newest - 1 : lastShown);
  };
  return (
    <div class="scheduler">
      <div class="toolbar">
        <label class="field-inline">
          Steps
          <select
            value={cellWidth}
            onChange={({ currentTarget }) => setCellWidth(currentTarget.value as CellWidth)}
          >
            {Object.keys(CELL_WIDTHS).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <span class="button-row">
          <button type="button" onClick={() => moveTo(lastShown - columns)}>
            ← Earlier
          </button>
          <button type="button" disabled={end === null} onClick={() => moveTo(lastShown + columns)}>
            Later →
          </button>
          <button
            type="button"
            aria-pressed={end === null}
            onClick={() => {
              setEnd(null);
              setChosen(null);
            }}
          >
            Follow
          </button>
          <button
            type="button"
            aria-pressed={shownAs === 'table'}
            onClick={() => setShownAs(shownAs === 'table' ? 'timeline' : 'table')}
          >
            As a table
          </button>
        </span>
        {told !== null && (
          <span class="quiet">
            max_num_batched_tokens <b>{withCommas(told.max_num_batched_tokens)}</b> · max_num_seqs{' '}
            <b>{withCommas(told.max_num_seqs)}</b> · running <b>{told.running.length}</b> · waiting{' '}
            <b>{told.waiting.length}</b>
          </span>
        )}
      </div>
      {error !== null && <p class="failure">{error}</p>}
      <div ref={ref}>
        {told !== null && steps.length === 0 && (
          <p class="quiet empty">
            No step since this page opened: an engine without requests takes none. Send one in
            Playground.
          </p>
        )}
        {told !== null && steps.length > 0 && shownAs === 'timeline' && (
          <TimelineChart
            engine={engine}
            steps={shown}
            cellWidth={CELL_WIDTHS[cellWidth]}
            maxTokens={told.max_num_batched_tokens}
            chosen={step?.step ?? null}
            onChoose={choose}
          />
        )}
        {told !== null && steps.length > 0 && shownAs === 'table' && (
          <StepTable steps={shown} maxTokens={told.max_num_batched_tokens} />
        )}
      </div>
      {told !== null && (
        <div class="scheduler-below">
          <StepDetails
            step={step}
            maxTokens={told.max_num_batched_tokens}
            isNewest={chosen === null}
          />
          <WaitingList waiting={told.waiting} />
        </div>
      )}
    </div>
  );
}
