/** One frame in full: its fields with vLLM's meaning, and the bytes that each of them is. */
import { useEffect, useState } from 'preact/hooks';
import type { FrameDetail } from '../../shared/tap/frame-line.ts';
import type { FramePair } from '../../shared/tap/frame-pairing.ts';
import { reasonOf } from '../reason-of.ts';
import type { ByteRange } from './byte-range.ts';
import { FieldRows } from './field-rows.tsx';
import type { FrameSource } from './frame-source.ts';
import { HexDump } from './hex-dump.tsx';

interface FrameRegionProps {
  readonly source: FrameSource;
  readonly pair: FramePair | null;
  readonly onClose: () => void;
}

export function FrameRegion({ source, pair, onClose }: FrameRegionProps) {
  const [shown, setShown] = useState<{ n: number; detail: FrameDetail } | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [range, setRange] = useState<ByteRange | null>(null);
  const n = pair?.line.n ?? null;
  useEffect(() => {
    if (n === null) return;
    let isOver = false;
    setError(null);
    setRange(null);
    source.detail(n).then(
      (detail) => {
        if (!isOver) setShown({ n, detail });
      },
      (cause: unknown) => {
        if (!isOver) setError(reasonOf(cause));
      },
    );
    return () => {
      isOver = true;
    };
  }, [n, source]);
  if (pair === null) {
    return (
      <section class="frame-region card" aria-label="Frame">
        <p class="quiet">Press a frame to see every field of it, with its meaning and its bytes.</p>
      </section>
    );
  }
  const detail = shown?.n === n ? shown.detail : null;
  return (
    <section class="frame-region card" aria-label="Frame">
      <header>
        <h2>{pair.line.type}</h2>
        <button type="button" onClick={onClose} aria-label="Close the frame">
          ×
        </button>
      </header>
      <p class="quiet">
        from <b>{pair.from}</b> to <b>{pair.to}</b>, {pair.line.bytes.toLocaleString('en-US')} bytes
        {travelText(pair)}
      </p>
      {error !== null && <p class="failure">{error}</p>}
      {detail === null && error === null && <p class="quiet">…</p>}
      {detail !== null && (
        <>
          <p class="quiet">
            {detail.about}. Socket {detail.socket} ({detail.socket_type}) {detail.address}
            {detail.identity !== null && `, identity ${detail.identity}`}
          </p>
          {detail.problems.length > 0 && (
            <ul class="failure">
              {detail.problems.map((problem) => (
                <li key={problem}>{problem}</li>
              ))}
            </ul>
          )}
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
          <section class="frame-fields" tabIndex={0} aria-label="Fields">
            <FieldRows detail={detail} range={range} onRange={setRange} />
          </section>
          <HexDump parts={detail.parts} range={range} />
        </>
      )}
    </section>
  );
}

function travelText({ sent, received }: FramePair): string {
  if (sent === null) return ', as it was received';
  if (received === null) return ', as it was sent';
  return `, under way for ${Math.max(0, received.t_ms - sent.t_ms).toFixed(2)} ms`;
}
