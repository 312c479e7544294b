/** Something to look at in the other tabs: a request, a little load, and a clock that can be stopped. */
import { reasonOf } from '../reason-of.ts';
import '../tabs.css';
import './playground.css';
import { useEffect, useState } from 'preact/hooks';
import type { TabProps } from '../tab-props.ts';
import { ClockControl } from './clock-control.tsx';
import { LoadControl } from './load-control.tsx';
import { RequestForm } from './request-form.tsx';
import { listModels } from './send-request.ts';

export function PlaygroundTab({ client, state, engine, onOpenTab }: TabProps) {
  const [apiKey, setApiKey] = useState('');
  const [models, setModels] = useState<readonly string[]>([state.model]);
  const [modelsError, setModelsError] = useState<string | null>(null);
  const api = { baseUrl: client.baseUrl, apiKey };
  const { baseUrl } = api;
  const isServing = state.phase === 'serving';
  useEffect(() => {
    if (!isServing) return;
    let isOver = false;
    listModels({ baseUrl, apiKey }).then(
      (names) => {
        if (isOver) return;
        setModelsError(null);
        if (names.length > 0) setModels(names);
      },
      (error: unknown) => {
        if (!isOver) setModelsError(reasonOf(error));
      },
    );
    return () => {
      isOver = true;
    };
  }, [baseUrl, apiKey, isServing]);
  const refusal = state.changes_refused_because;
  return (
    <div class="playground">
      <div class="playground-main">
        <RequestForm api={api} models={models} onOpenTab={onOpenTab} />
        {modelsError !== null && <p class="failure">/v1/models: {modelsError}</p>}
      </div>
      <div class="playground-side">
        {refusal !== null && (
          <p class="warn" id="refusal" role="status">
            Clock and load are off: {refusal}
          </p>
        )}
        <ClockControl
          client={client}
          engines={state.engines}
          engine={engine}
          apiKey={apiKey}
          refusal={refusal}
        />
        <LoadControl api={api} model={models[0] ?? state.model} refusal={refusal} />
        <section class="card" aria-label="API key">
          <h2>API key</h2>
          <label class="field">
            <span>Sent as a bearer token; kept in memory only</span>
            <input
              type="password"
              autocomplete="off"
              value={apiKey}
              placeholder="none"
              onInput={({ currentTarget }) => setApiKey(currentTarget.value)}
            />
          </label>
        </section>
      </div>
    </div>
  );
}
