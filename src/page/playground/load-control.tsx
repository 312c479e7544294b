import { useEffect, useRef, useState } from 'preact/hooks';
import { withCommas } from '../figures.ts';
import {
  checkLoad,
  createLoad,
  LOAD_LIMITS,
  type Load,
  type LoadCounts,
  type LoadSettings,
  MAX_CONNECTIONS,
} from './load-plan.ts';
import { NumberField } from './number-field.tsx';
import { type Api, sendLoadRequests } from './send-request.ts';

interface LoadControlProps {
  readonly api: Api;
  readonly model: string;
  readonly refusal: string | null;
}

const TURN_EVERY_MS = 50;

const FIELDS = [
  ['rate', 'requests a second', 0.1],
  ['promptLength', 'prompt length', 1],
  ['outputLength', 'output length', 1],
  ['sharedPrefix', 'shared prefix', 1],
] as const satisfies readonly (readonly [keyof LoadSettings, string, number])[];

const COUNTS = [
  ['waiting', 'due'],
  ['sent', 'sent'],
  ['inFlight', 'under way'],
  ['finished', 'finished'],
  ['failed', 'failed'],
  ['givenUp', 'given up'],
  ['skipped', 'skipped'],
] as const satisfies readonly (readonly [keyof LoadCounts, string])[];

/** Requests at a rate, sent by this page as long as the tab is open. */
export function LoadControl({ api, model, refusal }: LoadControlProps) {
  const [settings, setSettings] = useState<LoadSettings>({
    rate: 2,
    promptLength: 512,
    outputLength: 64,
    sharedPrefix: 256,
  });
  const [counts, setCounts] = useState<LoadCounts | null>(null);
  const load = useRef<Load | null>(null);
  const [isRunning, setIsRunning] = useState(false);
  const wrong = checkLoad(settings);

  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(() => {
      load.current?.turn(performance.now());
      setCounts(load.current?.counts() ?? null);
    }, TURN_EVERY_MS);
    return () => clearInterval(timer);
  }, [isRunning]);
  useEffect(() => () => load.current?.stop(), []);

  const start = (): void => {
    load.current = createLoad(settings, performance.now(), (prompts, signal) =>
      sendLoadRequests(api, { model, prompts, maxTokens: settings.outputLength }, signal),
    );
    setIsRunning(true);
  };
  const stop = (): void => {
    load.current?.stop();
    setIsRunning(false);
    // What is given up says so in a moment.
    setTimeout(() => setCounts(load.current?.counts() ?? null), TURN_EVERY_MS);
  };
  return (
    <section class="card" aria-label="Load">
      <h2>A little load</h2>
      <fieldset
        disabled={refusal !== null}
        aria-describedby={refusal === null ? undefined : 'refusal'}
      >
        <legend class="unseen">Load</legend>
        <div class="field-row">
          {FIELDS.map(([key, label, step]) => (
            <NumberField
              key={key}
              label={label}
              {...LOAD_LIMITS[key]}
              step={step}
              value={settings[key]}
              disabled={isRunning || refusal !== null}
              onChange={(value) => setSettings({ ...settings, [key]: value })}
            />
          ))}
        </div>
        <div class="button-row">
          <button
            type="button"
            class="primary"
            disabled={isRunning || wrong !== null}
            onClick={start}
          >
            Start
          </button>
          <button type="button" disabled={!isRunning} onClick={stop}>
            Stop
          </button>
        </div>
      </fieldset>
      {wrong !== null && <p class="warn">{wrong}</p>}
      {counts !== null && (
        <dl class="figures is-small">
          {COUNTS.map(([key, label]) => (
            <div key={key}>
              <dt>{label}</dt>
              <dd>{withCommas(counts[key])}</dd>
            </div>
          ))}
        </dl>
      )}
      {counts?.lastError != null && <p class="failure">Last failure: {counts.lastError}</p>}
      <p class="quiet">
        Prompts are token ids; the shared prefix is what the prefix cache can find again. A browser
        opens few connections: requests that are due while {MAX_CONNECTIONS} of them are taken go
        together as one completion with several prompts.
      </p>
    </section>
  );
}
