/** A running twin: the strip of its engines, always seen, and the tabs. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { TwinState } from '../shared/twin-api/state.ts';
import { CapacityTab } from './capacity/capacity-tab.tsx';
import { EngineStrip } from './engine-strip.tsx';
import { liveFrames } from './handshake/frame-source.ts';
import { HandshakeTab } from './handshake/handshake-tab.tsx';
import { HandshakeStep } from './handshake-step.tsx';
import { KvCacheTab } from './kv-cache/kv-cache-tab.tsx';
import { LessonCaptions } from './lesson-captions.tsx';
import { MetricsTab } from './metrics/metrics-tab.tsx';
import { PageHead } from './page-head.tsx';
import { PlaygroundTab } from './playground/playground-tab.tsx';
import { SchedulerTab } from './scheduler/scheduler-tab.tsx';
import { TAB_PANEL_ID, TabList } from './tab-list.tsx';
import { TAB_NAMES, type TabName, type TabProps } from './tab-props.ts';
import type { TwinClient } from './twin-client.ts';

interface LivePageProps {
  readonly client: TwinClient;
}

export function LivePage({ client }: LivePageProps) {
  const [state, setState] = useState<TwinState | null>(null);
  const [isLost, setIsLost] = useState(false);
  const [tab, setTab] = useState<TabName>('Handshake');
  const [chosen, setChosen] = useState<number | null>(null);
  const [wanted, setWanted] = useState<{ readonly n: number } | null>(null);
  /** Counts the servers that have answered here: one that was started anew numbers its frames from 1. */
  const [server, setServer] = useState(0);
  const lastN = useRef(0);
  const frames = useMemo(() => liveFrames(client.baseUrl), [client, server]);
  useEffect(
    () =>
      client.watchState(
        (next) => {
          if (next.frames.last_n < lastN.current) setServer((known) => known + 1);
          lastN.current = next.frames.last_n;
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
        <PageHead text={isLost ? 'The twin does not answer.' : 'Asking the twin …'} />
      </main>
    );
  }
  const engine = chosen ?? state.engines[0]?.rank ?? 0;
  const props: TabProps = { client, state, engine, onOpenTab: setTab };
  const openFrame = (n: number): void => {
    setWanted({ n });
    setTab('Handshake');
  };
  return (
    <main>
      <PageHead text={`${state.model} · vLLM ${state.vllm_version} · ${state.phase}`} />
      {isLost && (
        <p class="warn" role="status">
          The twin does not answer; what is shown is old.
        </p>
      )}
      {state.lesson !== null && <LessonCaptions lesson={state.lesson} />}
      {state.handshake_step !== null && (
        <HandshakeStep client={client} step={state.handshake_step} />
      )}
      <EngineStrip engines={state.engines} chosen={engine} onChoose={setChosen} />
      <TabList names={TAB_NAMES} chosen={tab} onChoose={setTab} />
      <div role="tabpanel" id={TAB_PANEL_ID} aria-label={tab}>
        {/* Requests, load and frames go on while other tabs are looked at. */}
        <div hidden={tab !== 'Handshake'}>
          <HandshakeTab
            key={server}
            source={frames}
            baseUrl={client.baseUrl}
            state={state}
            wanted={wanted}
          />
        </div>
        <div hidden={tab !== 'Playground'}>
          <PlaygroundTab {...props} />
        </div>
        {state.phase === 'starting' && tab !== 'Handshake' ? (
          <p class="quiet">The start-up still goes on: see Handshake.</p>
        ) : (
          <OtherTab tab={tab} onOpenFrame={openFrame} {...props} />
        )}
      </div>
    </main>
  );
}

interface OtherTabProps extends TabProps {
  readonly tab: TabName;
  /** Shows a frame in Handshake, by its number in the stream. */
  readonly onOpenFrame: (n: number) => void;
}

function OtherTab({ tab, onOpenFrame, ...props }: OtherTabProps) {
  switch (tab) {
    case 'Capacity':
      return <CapacityTab {...props} />;
    case 'KV cache':
      return <KvCacheTab {...props} />;
    case 'Scheduler':
      return <SchedulerTab {...props} />;
    case 'Metrics':
      return <MetricsTab {...props} onOpenFrame={onOpenFrame} />;
    default:
      return null;
  }
}
