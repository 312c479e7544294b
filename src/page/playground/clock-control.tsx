import { useEffect, useState } from 'preact/hooks';
import type { ClockChange } from '../../shared/twin-api/engine-views.ts';
import { MAX_ALLOWED_STEPS } from '../../shared/twin-api/limits.ts';
import type { EngineState } from '../../shared/twin-api/state.ts';
import { reasonOf } from '../reason-of.ts';
import type { TwinClient } from '../twin-client.ts';
import { describeFactor, factorAt, positionOf, SLIDER } from './clock-factor.ts';
import { NumberField } from './number-field.tsx';

interface ClockControlProps {
  readonly client: TwinClient;
  readonly engines: readonly EngineState[];
  /** The rank that is chosen in the strip. */
  readonly engine: number;
  readonly apiKey: string;
  /** Why nothing may be changed; null where it may. */
  readonly refusal: string | null;
}

/** Pause, step and speed of the simulated clock, of one engine or of all. */
export function ClockControl({ client, engines, engine, apiKey, refusal }: ClockControlProps) {
  const [target, setTarget] = useState<number | null>(null);
  const [numSteps, setNumSteps] = useState(10);
  const [error, setError] = useState<string | null>(null);
  const looked = engines.find(({ rank }) => rank === (target ?? engine)) ?? engines[0];
  const clock = looked?.clock ?? null;
  const [position, setPosition] = useState(positionOf(clock?.factor ?? 1));
  const factor = clock?.factor;
  useEffect(() => {
    if (factor !== undefined) setPosition(positionOf(factor));
  }, [factor]);
  const isOff = refusal !== null || engines.length === 0;

  const change = (part: ClockChange): void => {
    const request = target === null ? part : { ...part, engine: target };
    client.changeClock(request, apiKey).then(
      () => setError(null),
      (failure: unknown) => setError(reasonOf(failure)),
    );
  };
  // Steps pause a running clock behind them, and add to those still allowed.
  const step = (steps: number): void => change({ steps });
  const isWhole = Number.isInteger(numSteps) && numSteps >= 1 && numSteps <= MAX_ALLOWED_STEPS;
  return (
    <section class="card" aria-label="Clock">
      <h2>Clock</h2>
      <fieldset disabled={isOff} aria-describedby={refusal === null ? undefined : 'refusal'}>
        <legend class="unseen">Simulated clock</legend>
        <label class="field-inline">
          of
          <select
            value={target ?? 'all'}
            onChange={({ currentTarget: { value } }) =>
              setTarget(value === 'all' ? null : Number(value))
            }
          >
            <option value="all">all engines</option>
            {engines.map(({ rank }) => (
              <option key={rank} value={rank}>
                engine {rank}
              </option>
            ))}
          </select>
        </label>
        <div class="button-row">
          <button type="button" onClick={() => change({ state: 'paused' })}>
            Pause
          </button>
          <button type="button" onClick={() => change({ state: 'running' })}>
            Run
          </button>
          <button type="button" onClick={() => step(1)}>
            Step 1
          </button>
          <button type="button" disabled={!isWhole} onClick={() => step(numSteps)}>
            Step {isWhole ? numSteps : 'n'}
          </button>
          <NumberField
            label="steps"
            min={1}
            max={MAX_ALLOWED_STEPS}
            value={numSteps}
            disabled={isOff}
            onChange={setNumSteps}
          />
        </div>
        <label class="field">
          <span>
            Step time <b>{describeFactor(factorAt(position))}</b>
          </span>
          <input
            type="range"
            min={SLIDER.min}
            max={SLIDER.max}
            step={1}
            value={position}
            aria-valuetext={describeFactor(factorAt(position))}
            onInput={({ currentTarget }) => setPosition(currentTarget.valueAsNumber)}
            onChange={({ currentTarget }) =>
              change({ factor: factorAt(currentTarget.valueAsNumber) })
            }
          />
          <span class="scale" aria-hidden="true">
            <i>×0.01</i>
            <i>×0.1</i>
            <i>×1</i>
            <i>×10</i>
          </span>
        </label>
      </fieldset>
      <ul class="clocks" aria-label="Clocks of the engines">
        {engines.map(({ rank, clock: one }) => (
          <li key={rank}>
            engine {rank}{' '}
            {one === null ? (
              <span class="quiet">says nothing of its clock</span>
            ) : (
              <>
                <span class={`chip is-${one.state}`}>{one.state}</span> ×{one.factor}
                {one.state === 'paused' && one.steps_left > 0 && `, ${one.steps_left} steps left`}
              </>
            )}
          </li>
        ))}
      </ul>
      {error !== null && (
        <p class="failure" role="alert">
          {error}
        </p>
      )}
    </section>
  );
}
