import { inBytes, inPercent, withCommas } from '../figures.ts';
import type { Explanation } from './explanation.ts';
import { type MemoryBar, memoryBars } from './memory-bar.ts';

interface MemoryPictureProps {
  readonly explanation: Explanation;
  readonly scaleBytes: number;
}

/** A bar a worker, and the first worker's figures below: workers differ by little. */
export function MemoryPicture({ explanation, scaleBytes }: MemoryPictureProps) {
  const bars = memoryBars(explanation);
  const [first] = bars;
  if (first === undefined) return null;
  return (
    <section>
      <h3>Memory</h3>
      {bars.map((bar) => (
        <Bar key={bar.worker} bar={bar} scaleBytes={scaleBytes} isOneOfSeveral={bars.length > 1} />
      ))}
      <table class="memory-table">
        <caption class="unseen">Memory of the GPU by use</caption>
        <thead class="unseen">
          <tr>
            <th scope="col">use</th>
            <th scope="col">size</th>
            <th scope="col">share</th>
            <th scope="col">bytes</th>
          </tr>
        </thead>
        <tbody>
          {first.segments.map(({ use, label, bytes, share, why }) => (
            <tr key={use}>
              <th scope="row">
                <span class={`swatch use-${use}`} /> {label}
                <small>{why}</small>
              </th>
              <td>{inBytes(bytes)}</td>
              <td>{inPercent(share)}</td>
              <td class="quiet exact">{withCommas(bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {first.missingBytes > 0 && (
        <p class="failure">
          {inBytes(first.missingBytes)} are missing before the first block: weights and activation
          do not fit.
        </p>
      )}
    </section>
  );
}

/** Segments of at least this share of the whole width have their figure inside. */
const LABELLED_FROM = 0.18;

interface BarProps {
  readonly bar: MemoryBar;
  readonly scaleBytes: number;
  readonly isOneOfSeveral: boolean;
}

function Bar({ bar, scaleBytes, isOneOfSeveral }: BarProps) {
  const words = bar.segments.map(({ label, bytes }) => `${label} ${inBytes(bytes)}`).join(', ');
  return (
    <div class="memory-row">
      {isOneOfSeveral && <span class="quiet">worker {bar.worker}</span>}
      <div
        class="memory-bar"
        role="img"
        aria-label={`Worker ${bar.worker}: ${words}`}
        style={{ width: `${(100 * bar.totalBytes) / scaleBytes}%` }}
      >
        {bar.segments.map(({ use, label, bytes, share }) => (
          <span
            key={use}
            class={`use-${use}`}
            style={{ width: `${100 * share}%` }}
            title={`${label}: ${inBytes(bytes)}`}
          >
            {share * (bar.totalBytes / scaleBytes) > LABELLED_FROM && (
              <>
                {label} <b>{inBytes(bytes)}</b>
              </>
            )}
          </span>
        ))}
      </div>
    </div>
  );
}
