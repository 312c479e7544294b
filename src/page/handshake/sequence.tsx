/** The sequence diagram: a lane a process, a row a message. Long ones are drawn as far as they are seen. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { FramePair } from '../../shared/tap/frame-pairing.ts';
import { type EngineStage, type Lane, lanesOf } from './lanes.ts';
import { SequenceRow } from './sequence-row.tsx';

const ROW_HEIGHT = 26;
/** Shorter diagrams are drawn whole. */
const WHOLE_ROWS = 400;
const OVERSCAN = 40;

interface SequenceProps {
  readonly pairs: readonly FramePair[];
  readonly stages: ReadonlyMap<number, EngineStage>;
  readonly chosen: number | null;
  readonly isPlaying: boolean;
  readonly isFollowing: boolean;
  readonly onChoose: (index: number) => void;
}

export function Sequence({
  pairs,
  stages,
  chosen,
  isPlaying,
  isFollowing,
  onChoose,
}: SequenceProps) {
  const lanes = lanesOf(pairs);
  const scroller = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const height = scroller.current?.clientHeight ?? 600;
  const isWhole = pairs.length <= WHOLE_ROWS;
  const first = isWhole ? 0 : Math.max(0, Math.floor(top / ROW_HEIGHT) - OVERSCAN);
  const last = isWhole
    ? pairs.length
    : Math.min(pairs.length, Math.ceil((top + height) / ROW_HEIGHT) + OVERSCAN);

  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    if (isFollowing) element.scrollTop = element.scrollHeight;
  }, [isFollowing, pairs.length]);

  useEffect(() => {
    const element = scroller.current;
    if (element === null || chosen === null) return;
    const at = chosen * ROW_HEIGHT;
    if (at < element.scrollTop || at > element.scrollTop + element.clientHeight - 3 * ROW_HEIGHT)
      element.scrollTop = Math.max(0, at - element.clientHeight / 3);
  }, [chosen]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15 }[event.key];
    const target = by === undefined ? edgeOf(event.key, pairs.length) : (chosen ?? -1) + by;
    if (target === null || pairs.length === 0) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(pairs.length - 1, target));
    onChoose(next);
    requestAnimationFrame(() =>
      scroller.current?.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus(),
    );
  };

  return (
    <div
      class="sequence"
      role="table"
      aria-label="Frames in order of time"
      aria-rowcount={pairs.length + 1}
      onKeyDown={onKeyDown}
    >
      <LaneHeads lanes={lanes} stages={stages} />
      <div
        class="sequence-rows"
        role="rowgroup"
        ref={scroller}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        tabIndex={0}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      >
        <div style={{ height: `${first * ROW_HEIGHT}px` }} />
        {pairs.slice(first, last).map((pair, offset) => (
          <SequenceRow
            key={pair.id}
            pair={pair}
            lanes={lanes}
            index={first + offset}
            isChosen={chosen === first + offset}
            isStop={(chosen ?? 0) === first + offset}
            isAhead={isPlaying && chosen !== null && first + offset > chosen}
            onChoose={onChoose}
          />
        ))}
        <div style={{ height: `${(pairs.length - last) * ROW_HEIGHT}px` }} />
      </div>
    </div>
  );
}

function LaneHeads({ lanes, stages }: Pick<SequenceProps, 'stages'> & { lanes: readonly Lane[] }) {
  return (
    <div class="sequence-head" role="row">
      <span role="columnheader" class="row-time">
        time
      </span>
      <span role="columnheader" class="row-arrow lane-heads">
        {lanes.map(({ name, at, engine }) => (
          <span key={name} class="lane-head" style={{ left: `${at * 100}%` }}>
            <span class="is-wide">{shortName(name)}</span>
            <span class="is-narrow" aria-hidden="true">
              {shorterName(name)}
            </span>
            {engine !== null && stages.has(engine) && (
              <em data-stage={stages.get(engine)}>{stages.get(engine)}</em>
            )}
          </span>
        ))}
      </span>
      <span role="columnheader" class="row-what">
        frame
      </span>
    </div>
  );
}

function shortName(name: string): string {
  return name.replace('EngineCore_', '').replace('DPCoordinator', 'Coordinator');
}

function shorterName(name: string): string {
  return shortName(name)
    .replace('Coordinator', 'DPC')
    .replace(/^A(PI|pi)Server_?/, 'API');
}

function edgeOf(key: string, length: number): number | null {
  if (key === 'Home') return 0;
  return key === 'End' ? length - 1 : null;
}
