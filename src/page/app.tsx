/** The whole page: a running twin's, or a recording's where the document has one inside. */
import { useMemo, useState } from 'preact/hooks';
import type { Recording } from '../shared/tap/frame-line.ts';
import { readRecording, recordedFrames } from './handshake/frame-source.ts';
import { HandshakeTab } from './handshake/handshake-tab.tsx';
import { LivePage } from './live-page.tsx';
import { PageHead } from './page-head.tsx';
import { TAB_PANEL_ID, TabList } from './tab-list.tsx';
import { TAB_NAMES, type TabName } from './tab-props.ts';
import { baseUrlOf, createTwinClient } from './twin-client.ts';

export function App() {
  const recording = useMemo(readRecording, []);
  return recording === null ? <Live /> : <Replay recording={recording} />;
}

function Live() {
  const client = useMemo(() => createTwinClient(baseUrlOf(location.pathname)), []);
  return <LivePage client={client} />;
}

/** A recording has frames; what needs an engine says so. */
function Replay({ recording }: { readonly recording: Recording }) {
  const frames = useMemo(() => recordedFrames(recording), [recording]);
  const [tab, setTab] = useState<TabName>('Handshake');
  return (
    <main>
      <PageHead text={`${recording.title} · recorded, vLLM ${recording.vllm_version}`} />
      {recording.num_left_out > 0 && (
        <p class="warn">
          {recording.num_left_out.toLocaleString('en-US')} frames were left out for the size of this
          file.
        </p>
      )}
      <TabList names={TAB_NAMES} chosen={tab} onChoose={setTab} />
      <div role="tabpanel" id={TAB_PANEL_ID} aria-label={tab}>
        {tab === 'Handshake' ? (
          <HandshakeTab source={frames} baseUrl={null} state={null} />
        ) : (
          <p class="quiet">
            {tab} needs a running twin: start <code>vllm-twin serve</code> and open its page.
          </p>
        )}
      </div>
    </main>
  );
}
