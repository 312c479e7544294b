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
            aria-pressed={engine.rank === chosen}
            onClick={() => onChoose(engine.rank)}
          >
            <b>engine {engine.rank}</b> {engine.state} {engine.pid !== null && `pid ${engine.pid}`}{' '}
            {engine.gpu}
            <span class="strip-figures">
              {factsOf(engine).map(([name, value]) => (
                <span key={name}>
                  {name} <b>{value}</b>
                </span>
              ))}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function factsOf(engine: EngineState): readonly (readonly [string, string])[] {
  const { kv_cache_size_tokens: tokens, kv_cache_max_concurrency: concurrency } = engine;
  return [
    ['kv_cache_size_tokens', tokens === null ? '—' : withCommas(tokens)],
    ['kv_cache_max_concurrency', concurrency === null ? '—' : concurrency.toFixed(2)],
    ['running', withCommas(engine.num_requests_running)],
    ['waiting', withCommas(engine.num_requests_waiting)],
    ['KV usage', inPercent(engine.kv_cache_usage_perc)],
  ];
}
