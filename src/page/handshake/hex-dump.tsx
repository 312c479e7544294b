import { useEffect, useRef } from 'preact/hooks';
import type { ByteRange } from './byte-range.ts';

const BYTES_PER_LINE = 16;
/** More of a part is not drawn. */
const MAX_LINES = 256;

/** Every part in hex; the bytes of the field that is looked at are marked, and scrolled to. */
export function HexDump({
  parts,
  range,
}: {
  readonly parts: readonly string[];
  readonly range: ByteRange | null;
}) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    const mark = box.current?.querySelector('mark');
    if (box.current === null || mark === null || mark === undefined) return;
    // Of the dump alone: the page itself stays where it is.
    const by = mark.getBoundingClientRect().top - box.current.getBoundingClientRect().top;
    box.current.scrollTop += by - box.current.clientHeight / 3;
  }, [range]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <section class="hex" ref={box} tabIndex={0} aria-label="Bytes in hex">
      {range !== null && (
        <p class="hex-range">
          part {range.part}, bytes {range.start} to {range.end - 1}
        </p>
      )}
      {parts.map((hex, part) => (
        <Part key={part} hex={hex} part={part} range={range?.part === part ? range : null} />
      ))}
    </section>
  );
}

function Part({ hex, part, range }: { hex: string; part: number; range: ByteRange | null }) {
  const numBytes = hex.length / 2;
  const numLines = Math.min(MAX_LINES, Math.ceil(numBytes / BYTES_PER_LINE));
  return (
    <pre>
      <span class="hex-part">
        part {part}, {numBytes} bytes{'\n'}
      </span>
      {Array.from({ length: numLines }, (_, line) => (
        <Line key={line} hex={hex} start={line * BYTES_PER_LINE} range={range} />
      ))}
      {numLines * BYTES_PER_LINE < numBytes && `… ${numBytes - numLines * BYTES_PER_LINE} more\n`}
    </pre>
  );
}

/** Up to three pieces: before, within and behind what is marked. */
function Line({ hex, start, range }: { hex: string; start: number; range: ByteRange | null }) {
  const end = Math.min(start + BYTES_PER_LINE, hex.length / 2);
  const from = Math.max(start, Math.min(end, range?.start ?? end));
  const to = Math.max(from, Math.min(end, range?.end ?? from));
  return (
    <>
      <span class="hex-offset">{start.toString(16).padStart(4, '0')} </span>
      {spaced(hex, start, from)}
      {to > from && <mark>{spaced(hex, from, to)}</mark>}
      {spaced(hex, to, end)}
      {'\n'}
    </>
  );
}

function spaced(hex: string, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at++) text += ` ${hex.slice(2 * at, 2 * at + 2)}`;
  return text;
}
