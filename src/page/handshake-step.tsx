import { useState } from 'preact/hooks';
import type { HandshakeStepState } from '../shared/twin-api/state.ts';
import { reasonOf } from './reason-of.ts';
import type { TwinClient } from './twin-client.ts';

interface HandshakeStepProps {
  readonly client: TwinClient;
  readonly step: HandshakeStepState;
}

/** The start-up, held: what is about to happen, and the button that lets it. */
export function HandshakeStep({ client, step }: HandshakeStepProps) {
  const [error, setError] = useState<string | null>(null);
  const [next, ...others] = step.held;
  const go = async (): Promise<void> => {
    try {
      await client.nextHandshakeFrame('');
      setError(null);
    } catch (cause) {
      setError(reasonOf(cause));
    }
  };
  return (
    <section class="card step" aria-label="Start-up, step by step">
      <p aria-live="polite">
        <b>{step.num_released} frames went by.</b>{' '}
        {next === undefined ? 'Waiting for the next one …' : `Next: ${next}`}
        {others.length > 0 && <span class="quiet"> ({others.length} more wait)</span>}
      </p>
      <button type="button" class="primary" disabled={next === undefined} onClick={() => void go()}>
        Next
      </button>
      {error !== null && <p class="failure">{error}</p>}
    </section>
  );
}
