/** Looking at something again and again while its tab is open and seen. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { reasonOf } from './reason-of.ts';

export interface Polled<T> {
  readonly value: T | null;
  /** Why the last look failed; null after one that did not. */
  readonly error: string | null;
}

/** An engine that cannot answer is not pressed. */
const AFTER_ERROR_MS = 3_000;

/**
 * Looks, and again `everyMs` after each answer, `AFTER_ERROR_MS` after a failure; not while the page is hidden. Starts anew,
 * with nothing, where `key` changes. `take` makes the next value of the last one and the answer.
 */
export function usePolling<A, T>(
  key: string,
  everyMs: number,
  look: (last: T | null) => Promise<A>,
  take: (answer: A, last: T | null) => T,
): Polled<T> {
  const [polled, setPolled] = useState<Polled<T> & { readonly key: string }>({
    key,
    value: null,
    error: null,
  });
  const latest = useRef({ look, take });
  latest.current = { look, take };
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    let last: T | null = null;
    const turn = async (): Promise<void> => {
      try {
        const answer = await latest.current.look(last);
        if (isOver) return;
        last = latest.current.take(answer, last);
        setPolled({ key, value: last, error: null });
        again(everyMs);
      } catch (error) {
        if (isOver) return;
        const message = reasonOf(error);
        setPolled({ key, value: last, error: message });
        again(AFTER_ERROR_MS);
      }
    };
    const again = (afterMs: number): void => {
      timer = setTimeout(() => (document.hidden ? again(afterMs) : void turn()), afterMs);
    };
    void turn();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [key, everyMs]);
  return polled.key === key ? polled : { value: null, error: null };
}
