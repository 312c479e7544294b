import type { EngineState } from '../shared/twin-api/state.ts';
import { inPercent, withCommas } from './figures.ts';

interface EngineStripProps {
  readonly engines: readonly EngineState[];
  readonly chosen: number;
  readonly onChoose: (rank: number) => void;
}

/** A button an engine: what it says of itself, and which one the tabs show. */
export function EngineStrip({ engines, chosen, onChoose }: EngineStripProps) {
  return (
    <ul class="engine-strip" aria-label="Engines">
      {engines.map((engine) => (
        <li key={engine.rank}>
          <button
            type="button"
            data-engine={engine.rank % 8}
            aria-pressed={engine.rank === chosen}
            onClick={() => onChoose(engine.rank)}
          >
            <span class="strip-head">
              <span>
                <b>engine {engine.rank}</b> <em data-stage={engine.state}>{engine.state}</em>{' '}
                {engine.pid !== null && `pid ${engine.pid}`} {engine.gpu}
              </span>
              <Figures facts={loadOf(engine)} />
            </span>
            {engine.is_twin === false && (
              <small>
                not an engine of vllm-twin: it shows its messages and metrics, nothing of its inside
              </small>
            )}
            <Figures facts={capacityOf(engine)} />
            <span
              class="strip-usage"
              aria-hidden="true"
              style={{ width: `${Math.min(1, engine.kv_cache_usage_perc) * 100}%` }}
            />
          </button>
        </li>
      ))}
    </ul>
  );
}

interface Fact {
  readonly name: string;
  readonly value: string;
  /** Where vLLM has it. */
  readonly title: string;
}

function Figures({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <span class="strip-figures">
      {facts.map(({ name, value, title }) => (
        <span key={name} title={title}>
          {name} <b>{value}</b>
        </span>
      ))}
    </span>
  );
}

function capacityOf(engine: EngineState): readonly Fact[] {
  const { kv_cache_size_tokens: tokens, kv_cache_max_concurrency: concurrency } = engine;
  const response = 'of its EngineCoreReadyResponse';
  return [
    {
      name: 'kv_cache_size_tokens',
      value: tokens === null ? '—' : withCommas(tokens),
      title: response,
    },
    {
      name: 'kv_cache_max_concurrency',
      value: concurrency === null ? '—' : concurrency.toFixed(2),
      title: response,
    },
  ];
}

function loadOf(engine: EngineState): readonly Fact[] {
  return [
    {
      name: 'running',
      value: withCommas(engine.num_requests_running),
      title: 'vllm:num_requests_running',
    },
    {
      name: 'waiting',
      value: withCommas(engine.num_requests_waiting),
      title: 'vllm:num_requests_waiting',
    },
    {
      name: 'KV usage',
      value: inPercent(engine.kv_cache_usage_perc),
      title: 'vllm:kv_cache_usage_perc',
    },
  ];
}
