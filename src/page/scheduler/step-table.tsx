import type { StepView } from '../../shared/twin-api/engine-views.ts';
import { inPercent, inTime, withCommas } from '../figures.ts';
import { tokensOf } from './timeline.ts';

interface StepTableProps {
  readonly steps: readonly StepView[];
  readonly maxTokens: number;
}

/** The window's steps as figures, the newest first. */
export function StepTable({ steps, maxTokens }: StepTableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <section class="scroll-x step-table" tabIndex={0} aria-label="Steps as a table">
      <table>
        <caption class="unseen">Steps, the newest first</caption>
        <thead>
          <tr>
            <th scope="col">step</th>
            <th scope="col">took</th>
            <th scope="col">tokens of {withCommas(maxTokens)}</th>
            <th scope="col">prefill</th>
            <th scope="col">decode</th>
            <th scope="col">running</th>
            <th scope="col">waiting</th>
            <th scope="col">preempted</th>
            <th scope="col">finished</th>
            <th scope="col">KV usage</th>
          </tr>
        </thead>
        <tbody>
          {[...steps].reverse().map((step) => {
            const { prefill, decode } = tokensOf(step);
            return (
              <tr key={step.step}>
                <th scope="row">{withCommas(step.step)}</th>
                <td>{inTime(step.end_ms - step.start_ms)}</td>
                <td>{withCommas(step.total_tokens)}</td>
                <td>{withCommas(prefill)}</td>
                <td>{withCommas(decode)}</td>
                <td>{step.num_running}</td>
                <td>{step.num_waiting}</td>
                <td>{step.preempted.length}</td>
                <td>{step.finished.length}</td>
                <td>{inPercent(step.kv_cache_usage)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
