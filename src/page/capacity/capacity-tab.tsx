/** How many tokens each engine's KV cache holds, and why, as a picture. */
import '../group-colours.css';
import '../tabs.css';
import './capacity.css';
import type { TabProps } from '../tab-props.ts';
import { CapacityCard } from './capacity-card.tsx';
import { distinctExplanations } from './distinct.ts';
import { memoryBars } from './memory-bar.ts';
import { useExplanations } from './use-explanations.ts';

export function CapacityTab({ client, state, engine }: TabProps) {
  const ranks = state.engines.filter((one) => one.state === 'READY').map(({ rank }) => rank);
  const told = useExplanations(client, ranks);
  const cards = distinctExplanations(told);
  const failures = [...told].filter(([, answer]) => answer.error !== null);
  // One scale for all, so that unequal GPUs look unequal.
  const scaleBytes = Math.max(
    1,
    ...cards.flatMap(({ explanation }) => memoryBars(explanation).map((bar) => bar.totalBytes)),
  );
  return (
    <div class="capacity">
      {ranks.length === 0 && <p class="quiet">No engine is ready yet.</p>}
      {cards.length > 1 && (
        <p class="quiet">
          The engines are unequal: {cards.length} capacities, side by side. Nothing is summed.
        </p>
      )}
      <div class="capacity-cards">
        {cards.map(({ ranks: alike, explanation }) => (
          <CapacityCard
            key={alike.join()}
            ranks={alike}
            explanation={explanation}
            scaleBytes={scaleBytes}
            isChosen={cards.length > 1 && alike.includes(engine)}
          />
        ))}
      </div>
      {failures.map(([rank, { error }]) => (
        <p key={rank} class="failure" role="status">
          Engine {rank}: {error}
        </p>
      ))}
    </div>
  );
}
