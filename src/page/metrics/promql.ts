/** The PromQL that people use with a family: never summed where a sum would mean nothing. */
import type { Family } from './exposition.ts';

export interface Query {
  readonly query: string;
  readonly meaning: string;
}

export function queriesFor({ name, type }: Pick<Family, 'name' | 'type'>): readonly Query[] {
  if (name === 'vllm:cache_config_info') {
    return [
      {
        query: `count by (engine, kv_cache_size_tokens) (${name})`,
        meaning: "each engine's own capacity; the value is a label, and a sum would mean nothing",
      },
    ];
  }
  switch (type) {
    case 'counter': {
      const total = name.endsWith('_total') ? name : `${name}_total`;
      return [
        { query: `rate(${total}[1m])`, meaning: 'a second, of each engine' },
        { query: `sum(rate(${total}[5m]))`, meaning: 'a second, of all engines' },
        { query: `increase(${total}[1h])`, meaning: 'in the last hour' },
      ];
    }
    case 'histogram':
      return [
        {
          query: `histogram_quantile(0.99, sum by (le) (rate(${name}_bucket[5m])))`,
          meaning: 'p99 over all engines',
        },
        {
          query: `histogram_quantile(0.5, sum by (engine, le) (rate(${name}_bucket[5m])))`,
          meaning: 'median of each engine',
        },
        {
          query: `rate(${name}_sum[5m]) / rate(${name}_count[5m])`,
          meaning: 'mean of each engine',
        },
      ];
    case 'gauge':
      if (/perc$|state$|_info$/.test(name)) {
        return [
          { query: name, meaning: 'of each engine' },
          {
            query: `max(${name})`,
            meaning: 'of the fullest engine; a sum over engines means nothing',
          },
        ];
      }
      return [
        { query: name, meaning: 'of each engine' },
        { query: `sum(${name})`, meaning: 'of all engines' },
        { query: `max_over_time(${name}[5m])`, meaning: 'the most in five minutes' },
      ];
    default:
      return [{ query: name, meaning: 'as it is' }];
  }
}
