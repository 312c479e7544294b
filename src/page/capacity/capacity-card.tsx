import { inBytes, withCommas } from '../figures.ts';
import type { ExplainedPlan, Explanation } from './explanation.ts';
import { GroupsTable, LayerStrip } from './groups.tsx';
import { MemoryPicture } from './memory-picture.tsx';
import { naiveVerdict } from './naive.ts';
import { PoolPicture, RequestPicture } from './request-picture.tsx';

interface CapacityCardProps {
  readonly ranks: readonly number[];
  readonly explanation: Explanation;
  /** What the whole width of a memory bar means. */
  readonly scaleBytes: number;
  readonly isChosen: boolean;
}

export function CapacityCard({ ranks, explanation, scaleBytes, isChosen }: CapacityCardProps) {
  const { model, gpu, plan } = explanation;
  const title = `${ranks.length === 1 ? 'Engine' : 'Engines'} ${ranks.join(', ')}`;
  return (
    <article class={`card capacity-card${isChosen ? ' is-chosen' : ''}`} aria-label={title}>
      <header>
        <h2>{title}</h2>
        <p class="quiet">
          {model === null
            ? 'explicit layers'
            : `${model.name} · ${model.architecture} · ${model.dtype}`}
          {gpu !== null && ` · ${gpu.name}, ${inBytes(gpu.memory_bytes)}`}
        </p>
      </header>
      {plan.ok && <Headline plan={plan} />}
      {!plan.ok && (
        <p class="failure">
          {plan.error_type}: {plan.error}
        </p>
      )}
      <MemoryPicture explanation={explanation} scaleBytes={scaleBytes} />
      <section>
        <h3>Layers and groups</h3>
        <LayerStrip explanation={explanation} />
        {explanation.grouping !== null && <p class="quiet">{explanation.grouping.reason}</p>}
        <GroupsTable explanation={explanation} />
      </section>
      {plan.ok && explanation.groups.length > 0 && (
        <>
          <RequestPicture explanation={explanation} plan={plan} />
          <PoolPicture plan={plan} />
          <Naive explanation={explanation} plan={plan} />
        </>
      )}
      {(plan.warnings ?? []).map((warning) => (
        <p key={warning} class="quiet">
          Warning of the planner: {warning}
        </p>
      ))}
    </article>
  );
}

function Headline({ plan }: { readonly plan: ExplainedPlan }) {
  const figures = [
    ['kv_cache_size_tokens', plan.kv_cache_size_tokens, ''],
    ['kv_cache_max_concurrency', plan.kv_cache_max_concurrency, '×'],
    ['num_gpu_blocks', plan.num_blocks, ''],
    ['max_model_len', plan.max_model_len, ''],
  ] as const;
  return (
    <dl class="figures">
      {figures.map(([name, value, unit]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {value === null ? '—' : `${unit === '' ? withCommas(value) : value.toFixed(2)}${unit}`}
          </dd>
        </div>
      ))}
    </dl>
  );
}

interface NaiveProps {
  readonly explanation: Explanation;
  readonly plan: ExplainedPlan;
}

/** The capacity, and the figure that is often taken for it. */
function Naive({ explanation: { naive }, plan }: NaiveProps) {
  const tokens = plan.kv_cache_size_tokens;
  if (naive === null || tokens === null) return null;
  const { isRight, text } = naiveVerdict(plan, naive.factor);
  const most = Math.max(tokens, naive.tokens);
  const bars = [
    ['kv_cache_size_tokens', tokens, 'is-true'],
    ['num_gpu_blocks × block_size', naive.tokens, isRight ? 'is-true' : 'is-naive'],
  ] as const;
  return (
    <section>
      <h3>The naive figure beside it</h3>
      <div class="two-bars">
        {bars.map(([name, value, kind]) => (
          <div key={name} class="bar-row">
            <span>{name}</span>
            <span class="bar-track">
              <span class={`bar-fill ${kind}`} style={{ width: `${(100 * value) / most}%` }} />
            </span>
            <b>{withCommas(value)}</b>
          </div>
        ))}
      </div>
      <p class="quiet">{text}</p>
    </section>
  );
}
