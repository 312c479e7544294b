/** The whole page: a strip of the engines, and the tabs. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { TwinState } from '../shared/twin-api/state.ts';
import { CapacityTab } from './capacity/capacity-tab.tsx';
import { EngineStrip } from './engine-strip.tsx';
import { KvCacheTab } from './kv-cache/kv-cache-tab.tsx';
import { PlaygroundTab } from './playground/playground-tab.tsx';
import { SchedulerTab } from './scheduler/scheduler-tab.tsx';
import { TabList } from './tab-list.tsx';
import type { TabName } from './tab-props.ts';
import { baseUrlOf, createTwinClient } from './twin-client.ts';

const TABS = {
  Capacity: CapacityTab,
  'KV cache': KvCacheTab,
  Scheduler: SchedulerTab,
  Playground: PlaygroundTab,
} as const;
const TAB_NAMES = Object.keys(TABS) as readonly TabName[];

export function App() {
  const client = useMemo(() => createTwinClient(baseUrlOf(location.pathname)), []);
  const [state, setState] = useState<TwinState | null>(null);
  const [isLost, setIsLost] = useState(false);
  const [tab, setTab] = useState<TabName>('Capacity');
  const [chosen, setChosen] = useState<number | null>(null);
  useEffect(
    () =>
      client.watchState(
        (next) => {
          setState(next);
          setIsLost(false);
        },
        () => setIsLost(true),
      ),
    [client],
  );
  if (state === null) {
    return (
      <main>
        <p>{isLost ? 'The twin does not answer.' : 'Asking the twin …'}</p>
      </main>
    );
  }
  const engine = chosen ?? state.engines[0]?.rank ?? 0;
  const props = { client, state, engine, onOpenTab: setTab };
  const Tab = TABS[tab];
  return (
    <main>
      <header class="page-head">
        <h1>vllm-twin</h1>
        <span class="quiet">
          {state.model} · vLLM {state.vllm_version} · {state.phase}
        </span>
      </header>
      {isLost && (
        <p class="warn" role="status">
          The twin does not answer; what is shown is old.
        </p>
      )}
      <EngineStrip engines={state.engines} chosen={engine} onChoose={setChosen} />
      <TabList names={TAB_NAMES} chosen={tab} onChoose={setTab} />
      <div role="tabpanel" aria-label={tab}>
        {/* Requests and load go on while other tabs are looked at. */}
        <div hidden={tab !== 'Playground'}>
          <PlaygroundTab {...props} />
        </div>
        {tab !== 'Playground' && <Tab {...props} />}
      </div>
    </main>
  );
}
