import { factsText } from '../../shared/tap/frame-facts.ts';
import type { FramePair } from '../../shared/tap/frame-pairing.ts';
import type { Lane } from './lanes.ts';

interface SequenceRowProps {
  readonly pair: FramePair;
  readonly lanes: readonly Lane[];
  readonly index: number;
  readonly isChosen: boolean;
  /** The one that the tab key comes to; arrow keys go on from there. */
  readonly isStop: boolean;
  /** Behind the player's place: not yet sent. */
  readonly isAhead: boolean;
  readonly onChoose: (index: number) => void;
}

/** One message: when, an arrow between two lanes, what it is and the two facts that matter. */
export function SequenceRow({
  pair,
  lanes,
  index,
  isChosen,
  isStop,
  isAhead,
  onChoose,
}: SequenceRowProps) {
  const facts = factsText(pair.line);
  const name = `${pair.line.type} from ${pair.from} to ${pair.to}${facts === '' ? '' : `, ${facts}`}`;
  const classes = ['sequence-row', isChosen ? 'is-chosen' : '', isAhead ? 'is-ahead' : ''];
  return (
    <div
      role="row"
      class={classes.filter(Boolean).join(' ')}
      aria-label={name}
      aria-rowindex={index + 2}
      aria-selected={isChosen}
    >
      <span role="cell" class="row-time">
        {timeText(pair.line.t_ms)}
      </span>
      <span role="cell" class="row-arrow" aria-hidden="true">
        <Arrow pair={pair} lanes={lanes} />
      </span>
      <span role="cell" class="row-what">
        <button
          type="button"
          data-index={index}
          tabIndex={isStop ? 0 : -1}
          onClick={() => onChoose(index)}
        >
          <b>{pair.line.type}</b>{' '}
          <span class="unseen">
            from {pair.from} to {pair.to}
            {facts !== '' && ','}
          </span>{' '}
          <span class="row-facts">{facts}</span>
        </button>
      </span>
    </div>
  );
}

function Arrow({ pair, lanes }: Pick<SequenceRowProps, 'pair' | 'lanes'>) {
  const from = lanes.find(({ name }) => name === pair.from);
  const to = lanes.find(({ name }) => name === pair.to);
  const hue = pair.engine === null ? 'none' : String(pair.engine % 8);
  const left = Math.min(from?.at ?? 0, to?.at ?? 0) * 100;
  const width = Math.abs((from?.at ?? 0) - (to?.at ?? 0)) * 100;
  const isRight = (from?.at ?? 0) < (to?.at ?? 0);
  const isWhole = pair.sent !== null && pair.received !== null;
  return (
    <>
      {lanes.map(({ name, at }) => (
        <i key={name} class="lane-line" style={{ left: `${at * 100}%` }} />
      ))}
      <i
        class={`arrow ${isRight ? 'is-right' : 'is-left'} ${isWhole ? '' : 'is-half'}`}
        data-engine={hue}
        style={{ left: `${left}%`, width: `${width}%` }}
      />
    </>
  );
}

/** Milliseconds since the first frame. */
export function timeText(ms: number): string {
  if (ms < 1_000) return `${ms.toFixed(1)} ms`;
  return ms < 100_000 ? `${(ms / 1_000).toFixed(3)} s` : `${(ms / 1_000).toFixed(0)} s`;
}
