import { useEffect, useState } from 'preact/hooks';
import { reasonOf } from '../reason-of.ts';
import type { TwinClient } from '../twin-client.ts';
import type { ExplanationAnswer } from './distinct.ts';
import { asExplanation } from './explanation.ts';

/** What each engine says, asked once: a capacity does not change while an engine lives. */
export function useExplanations(
  client: TwinClient,
  ranks: readonly number[],
): ReadonlyMap<number, ExplanationAnswer> {
  const [told, setTold] = useState<ReadonlyMap<number, ExplanationAnswer>>(new Map());
  const key = ranks.join();
  useEffect(() => {
    let isOver = false;
    const tell = (rank: number, answer: ExplanationAnswer): void => {
      if (!isOver) setTold((before) => new Map(before).set(rank, answer));
    };
    setTold(new Map());
    for (const rank of key === '' ? [] : key.split(',').map(Number)) {
      client.engineView(rank, 'explain').then(
        (value) => {
          const explanation = asExplanation(value);
          const error =
            explanation === null ? 'its explanation is not one that this page can read' : null;
          tell(rank, { explanation, error });
        },
        (error: unknown) => {
          tell(rank, {
            explanation: null,
            error: reasonOf(error),
          });
        },
      );
    }
    return () => {
      isOver = true;
    };
  }, [client, key]);
  return told;
}
