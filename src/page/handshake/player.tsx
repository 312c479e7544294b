import { useEffect } from 'preact/hooks';

interface PlayerProps {
  readonly numRows: number;
  readonly at: number | null;
  readonly isPlaying: boolean;
  /** Rows a second. */
  readonly speed: number;
  readonly isLive: boolean;
  readonly isFollowing: boolean;
  readonly onGo: (index: number) => void;
  readonly onPlay: (isPlaying: boolean) => void;
  readonly onSpeed: (speed: number) => void;
  readonly onFollow: (isFollowing: boolean) => void;
}

const SPEEDS = [0.5, 1, 2, 5, 10] as const;

/** Goes through the frames one by one, by hand or by itself. */
export function Player({
  numRows,
  at,
  isPlaying,
  speed,
  isLive,
  isFollowing,
  onGo,
  onPlay,
  onSpeed,
  onFollow,
}: PlayerProps) {
  const isAtEnd = at !== null && at >= numRows - 1;
  useEffect(() => {
    if (!isPlaying || isAtEnd) return;
    const timer = setTimeout(() => onGo((at ?? -1) + 1), 1_000 / speed);
    return () => clearTimeout(timer);
  }, [isPlaying, isAtEnd, at, speed, onGo]);
  return (
    <fieldset class="toolbar player" aria-label="Player">
      <button type="button" onClick={() => onGo(0)} disabled={numRows === 0}>
        First
      </button>
      <button type="button" onClick={() => onGo((at ?? 0) - 1)} disabled={at === null || at === 0}>
        Back
      </button>
      <button
        type="button"
        onClick={() => onGo((at ?? -1) + 1)}
        disabled={isAtEnd || numRows === 0}
      >
        Next
      </button>
      <button type="button" aria-pressed={isPlaying} onClick={() => onPlay(!isPlaying)}>
        {isPlaying ? 'Pause' : 'Play'}
      </button>
      <label class="field-inline">
        Speed
        <select value={speed} onChange={(event) => onSpeed(Number(event.currentTarget.value))}>
          {SPEEDS.map((value) => (
            <option key={value} value={value}>
              {value} a second
            </option>
          ))}
        </select>
      </label>
      <span class="quiet" role="status">
        {at === null ? '–' : at + 1} / {numRows}
      </span>
      {isLive && (
        <button type="button" aria-pressed={isFollowing} onClick={() => onFollow(!isFollowing)}>
          Follow
        </button>
      )}
    </fieldset>
  );
}
