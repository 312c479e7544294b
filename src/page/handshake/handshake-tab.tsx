/** What engines and frontend say to each other, frame by frame, live or from a recording. */
import '../tabs.css';
import './handshake.css';
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { FramePair } from '../../shared/tap/frame-pairing.ts';
import type { TwinState } from '../../shared/twin-api/state.ts';
import { FilterBar } from './filter-bar.tsx';
import { type Filter, NO_FILTER, shownPairs } from './filters.ts';
import { FrameRegion } from './frame-region.tsx';
import type { FrameSource } from './frame-source.ts';
import { stagesAfter } from './lanes.ts';
import { NeverSummed } from './never-summed.tsx';
import { Player } from './player.tsx';
import { Sequence } from './sequence.tsx';
import { useFrames } from './use-frames.ts';

interface HandshakeTabProps {
  readonly source: FrameSource;
  /** Of the server; null in a recording. */
  readonly baseUrl: string | null;
  /** Of a running twin; null in a recording. */
  readonly state: TwinState | null;
  /** A frame that another tab leads to, by its number in the stream; each time a new object. */
  readonly wanted?: { readonly n: number } | null;
}

export function HandshakeTab({ source, baseUrl, state, wanted = null }: HandshakeTabProps) {
  const { pairs, error } = useFrames(source);
  const [filter, setFilter] = useState<Filter>(NO_FILTER);
  const [chosenId, setChosenId] = useState<number | null>(null);
  const [isPlaying, setIsPlaying] = useState(false);
  const [isFollowing, setIsFollowing] = useState(false);
  const [speed, setSpeed] = useState(1);
  const shown = useMemo(() => shownPairs(pairs, filter), [pairs, filter]);
  const found = shown.findIndex(({ id }) => id === chosenId);
  const chosen = found === -1 ? null : found;
  const engines = useMemo(
    () =>
      [...new Set(pairs.flatMap(({ engine }) => (engine === null ? [] : [engine])))].sort(
        (a, b) => a - b,
      ),
    [pairs],
  );
  const go = useCallback(
    (index: number): void => {
      const pair = shown[Math.max(0, Math.min(shown.length - 1, index))];
      if (pair !== undefined) setChosenId(pair.id);
      setIsFollowing(false);
    },
    [shown],
  );
  useEffect(() => {
    const pair = wanted === null ? undefined : pairs.find((one) => holds(one, wanted.n));
    if (pair === undefined) return;
    setFilter(NO_FILTER);
    setIsPlaying(false);
    setIsFollowing(false);
    setChosenId(pair.id);
    // Only when it is asked for, not with every frame that comes.
  }, [wanted]);
  const types = useMemo(() => [...new Set(pairs.map(({ line }) => line.type))].sort(), [pairs]);
  const registry = useMemo(
    () =>
      state === null
        ? null
        : new Map(state.engines.map((one) => [one.rank, one.kv_cache_size_tokens])),
    [state],
  );
  const neverSummed = <NeverSummed pairs={pairs} registry={registry} baseUrl={baseUrl} />;
  // A start-up that is gone through by hand has a Next of its own: it is the one there is.
  const isStepping = state !== null && state.handshake_step !== null;
  const numFallenOut = state?.frames.num_fallen_out ?? 0;
  const stages = stagesAfter(shown, isPlaying && chosen !== null ? chosen : shown.length - 1);
  return (
    <div class="handshake">
      <div class="handshake-main">
        {!isStepping && (
          <Player
            numRows={shown.length}
            at={chosen}
            isPlaying={isPlaying}
            speed={speed}
            isLive={source.isLive}
            isFollowing={isFollowing}
            onGo={go}
            onPlay={setIsPlaying}
            onSpeed={setSpeed}
            onFollow={setIsFollowing}
          />
        )}
        <FilterBar filter={filter} engines={engines} types={types} onFilter={setFilter} />
        {numFallenOut > 0 && (
          <p class="quiet">
            {numFallenOut.toLocaleString('en-US')} frames fell out of the server's memory: --tap
            keeps more, --record all.
          </p>
        )}
        {error !== null && <p class="failure">{error}</p>}
        <Sequence
          pairs={shown}
          stages={stages}
          chosen={chosen}
          isPlaying={isPlaying}
          isFollowing={isFollowing}
          onChoose={go}
        />
        {chosen !== null && neverSummed}
      </div>
      <div class="handshake-side">
        <FrameRegion
          source={source}
          pair={chosen === null ? null : (shown[chosen] ?? null)}
          onClose={() => setChosenId(null)}
        />
        {chosen === null && neverSummed}
      </div>
    </div>
  );
}

function holds({ sent, received }: FramePair, n: number): boolean {
  return sent?.n === n || received?.n === n;
}
