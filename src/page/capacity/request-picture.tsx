import { inBytes, withCommas } from '../figures.ts';
import { groupColour } from '../group-colour.ts';
import type { ExplainedPlan, Explanation } from './explanation.ts';
import { groupRows } from './layer-strip.ts';

interface RequestPictureProps {
  readonly explanation: Explanation;
  readonly plan: ExplainedPlan;
}

/** What the longest request takes of the pool, by group. */
export function RequestPicture({ explanation, plan }: RequestPictureProps) {
  const total = Math.max(1, plan.total_blocks_per_request);
  const parts = groupRows(explanation).flatMap(({ group, indices }) =>
    indices.map((index) => ({ index, label: group.label, blocks: group.blocks_per_request })),
  );
  const words = parts.map(({ index, blocks }) => `group ${index} ${withCommas(blocks)}`).join(', ');
  return (
    <section>
      <h3>Blocks of one request of {withCommas(plan.max_model_len)} tokens</h3>
      <div class="request-bar" role="img" aria-label={`Blocks of one request: ${words}`}>
        {parts.map(({ index, label, blocks }) => (
          <span
            key={index}
            style={{ width: `${(100 * blocks) / total}%`, background: groupColour(index) }}
            title={`group ${index}, ${label}: ${withCommas(blocks)} blocks`}
          >
            {blocks / total > 0.08 && withCommas(blocks)}
          </span>
        ))}
      </div>
      <p class="quiet">
        Together {withCommas(plan.total_blocks_per_request)} blocks,{' '}
        {inBytes(plan.total_blocks_per_request * (plan.workers[0]?.bytes_per_block ?? 0))} on each
        worker.
      </p>
    </section>
  );
}

/** Beyond this many requests single ones are not told apart. */
const MAX_REQUESTS_DRAWN = 200;

/** The pool, as many requests wide as it holds. */
export function PoolPicture({ plan }: { readonly plan: ExplainedPlan }) {
  const { kv_cache_max_concurrency: concurrency, kv_cache_size_tokens: tokens } = plan;
  if (concurrency === null || tokens === null) return null;
  const whole = Math.floor(concurrency);
  const isDrawn = concurrency <= MAX_REQUESTS_DRAWN;
  const widths = isDrawn
    ? [...new Array<number>(whole).fill(1), concurrency - whole].filter((width) => width > 0)
    : [concurrency];
  return (
    <section>
      <h3>Concurrency and tokens</h3>
      <div
        class="pool-bar"
        role="img"
        aria-label={`The pool holds ${concurrency.toFixed(2)} such requests`}
      >
        {widths.map((width, index) => (
          <span
            key={index}
            class={width < 1 ? 'is-part' : ''}
            style={{ width: `${(100 * width) / concurrency}%` }}
          />
        ))}
      </div>
      <p class="equation">
        <span>
          <b>{withCommas(plan.num_blocks)}</b> blocks ÷{' '}
          <b>{withCommas(plan.total_blocks_per_request)}</b>
        </span>
        <span>
          = <b>{concurrency.toFixed(2)}</b> requests
        </span>
        <span>
          × <b>{withCommas(plan.max_model_len)}</b> tokens
        </span>
        <span>
          = <b>{withCommas(tokens)}</b> tokens
        </span>
      </p>
    </section>
  );
}
