import type { StepView } from '../../shared/twin-api/engine-views.ts';
import { inPercent, inTime, withCommas } from '../figures.ts';
import { ScrollX } from '../scroll-x.tsx';
import { tokensOf } from './timeline.ts';

/** Rows shown of a step with many requests. */
const MAX_ROWS = 100;

interface StepDetailsProps {
  readonly step: StepView | null;
  readonly maxTokens: number;
  readonly isNewest: boolean;
}

export function StepDetails({ step, maxTokens, isNewest }: StepDetailsProps) {
  if (step === null) return null;
  const { scheduled, total_tokens, preempted, finished } = step;
  const { prefill, decode } = tokensOf(step);
  return (
    <section class="card" aria-label="Step">
      <h2>
        Step {withCommas(step.step)} <span class="quiet">{isNewest ? 'the newest' : ''}</span>
      </h2>
      <p class="step-facts" aria-live={isNewest ? 'off' : 'polite'}>
        <span>
          <b>{withCommas(total_tokens)}</b> of {withCommas(maxTokens)} tokens: {withCommas(prefill)}{' '}
          prefill, {withCommas(decode)} decode
        </span>
        <span>
          took <b>{inTime(step.end_ms - step.start_ms)}</b>
        </span>
        <span>
          running <b>{step.num_running}</b>, waiting <b>{step.num_waiting}</b>
        </span>
        <span>
          KV cache <b>{inPercent(step.kv_cache_usage)}</b>
        </span>
      </p>
      {preempted.length > 0 && <p class="warn">Preempted: {preempted.join(', ')}</p>}
      {finished.length > 0 && <p class="quiet">Finished: {finished.join(', ')}</p>}
      <ScrollX label="Requests scheduled in this step">
        <table>
          <thead>
            <tr>
              <th scope="col">request</th>
              <th scope="col">computed before</th>
              <th scope="col">prefill</th>
              <th scope="col">decode</th>
            </tr>
          </thead>
          <tbody>
            {scheduled.slice(0, MAX_ROWS).map((one) => (
              <tr key={one.request_id}>
                <th scope="row">
                  <code>{one.request_id}</code>
                </th>
                <td>{withCommas(one.num_computed_tokens)}</td>
                <td>{withCommas(one.num_prefill_tokens)}</td>
                <td>{withCommas(one.num_tokens - one.num_prefill_tokens)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollX>
      {scheduled.length > MAX_ROWS && (
        <p class="quiet">and {withCommas(scheduled.length - MAX_ROWS)} more requests</p>
      )}
      {step.waiting.length > 0 && (
        <details>
          <summary>Why {withCommas(step.waiting.length)} waited in this step</summary>
          <ul class="waiting">
            {step.waiting.slice(0, MAX_ROWS).map(({ request_id, text }) => (
              <li key={request_id}>
                <code>{request_id}</code> <span>{text}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}
