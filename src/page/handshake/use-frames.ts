/** The frames as they come, each message once. */
import { useEffect, useState } from 'preact/hooks';
import { type FramePair, FramePairing } from '../../shared/tap/frame-pairing.ts';
import { reasonOf } from '../reason-of.ts';
import type { FrameSource } from './frame-source.ts';

/** Rows that are kept; a demo of hours lets go of the oldest but the start-up. */
export const MAX_ROWS = 20_000;
const KEPT_FIRST = 500;
const POLL_MS = 400;

export interface Frames {
  readonly pairs: readonly FramePair[];
  readonly error: string | null;
  /** The newest frame's number. */
  readonly lastN: number;
}

export function useFrames(source: FrameSource): Frames {
  const [frames, setFrames] = useState<Frames>({ pairs: [], error: null, lastN: 0 });
  useEffect(() => {
    const pairing = new FramePairing();
    let pairs: FramePair[] = [];
    let lastN = 0;
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const turn = async (): Promise<void> => {
      let error: string | null = null;
      try {
        const lines = await source.since(lastN);
        if (isOver) return;
        for (const line of lines) {
          lastN = Math.max(lastN, line.n ?? 0);
          const { pair, isNew } = pairing.add(line);
          if (isNew) pairs.push(pair);
        }
        if (pairs.length > MAX_ROWS)
          pairs = [...pairs.slice(0, KEPT_FIRST), ...pairs.slice(KEPT_FIRST - MAX_ROWS)];
        if (lines.length > 0) setFrames({ pairs: [...pairs], error: null, lastN });
      } catch (cause) {
        error = reasonOf(cause);
        if (!isOver) setFrames((known) => ({ ...known, error }));
      }
      if (!isOver && source.isLive) timer = setTimeout(() => void turn(), POLL_MS);
    };
    void turn();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [source]);
  return frames;
}
