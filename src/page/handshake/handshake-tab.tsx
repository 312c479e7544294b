/** What engines and frontend say to each other, frame by frame, live or from a recording. */
import '../tabs.css';
import './handshake.css';
import { useCallback, useMemo, useState } from 'preact/hooks';
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
  /** A start-up is gone through by hand: its own Next is the one there is. */
  readonly isStepping?: boolean;
}

export function HandshakeTab({ source, baseUrl, isStepping = false }: HandshakeTabProps) {
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
        <FilterBar filter={filter} engines={engines} onFilter={setFilter} />
        {error !== null && <p class="failure">{error}</p>}
        <Sequence
          pairs={shown}
          stages={stages}
          chosen={chosen}
          isPlaying={isPlaying}
          isFollowing={isFollowing}
          onChoose={go}
        />
        <NeverSummed pairs={pairs} baseUrl={baseUrl} />
      </div>
      <FrameRegion
        source={source}
        pair={chosen === null ? null : (shown[chosen] ?? null)}
        onClose={() => setChosenId(null)}
      />
    </div>
  );
}
