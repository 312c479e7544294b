import type { WaitingView } from '../../shared/twin-api/engine-views.ts';
import { withCommas } from '../figures.ts';

const MAX_ROWS = 100;

/** Who waits now, and for what. */
export function WaitingList({ waiting }: { readonly waiting: readonly WaitingView[] }) {
  return (
    <section class="card" aria-label="Waiting requests">
      <h2>
        Waiting <span class="quiet">{withCommas(waiting.length)}</span>
      </h2>
      {waiting.length === 0 && <p class="quiet">Nobody waits.</p>}
      <ul class="waiting">
        {waiting.slice(0, MAX_ROWS).map(({ request_id, why, text }) => (
          <li key={request_id}>
            <code>{request_id}</code> <span class="chip">{why}</span>
            <span>{text}</span>
          </li>
        ))}
      </ul>
      {waiting.length > MAX_ROWS && (
        <p class="quiet">and {withCommas(waiting.length - MAX_ROWS)} more</p>
      )}
    </section>
  );
}
