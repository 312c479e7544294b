import type { BlockMap } from '../../shared/twin-api/engine-views.ts';
import { inPercent, withCommas } from '../figures.ts';
import { groupColour } from '../group-colour.ts';
import type { BlockCounts } from './block-map.ts';

interface LegendProps {
  readonly counts: BlockCounts;
  readonly map: BlockMap;
  readonly numHits: number;
}

/** What the colours mean, with how many blocks have them. */
export function Legend({ counts: { states, groups }, map, numHits }: LegendProps) {
  const rows = [
    ['in-use', 'in use', states.in_use, 'held by a request'],
    ['cached', 'free, cached', states.cached_free, 'the fainter the sooner evicted'],
    ['free', 'free', states.free, 'holds nothing'],
    ['null', 'null', states.null, 'stands for what a window left behind'],
    ['hit', 'prefix hits', numHits, 'flash when taken; since this tab opened'],
  ] as const;
  return (
    <div class="legend">
      <ul aria-label="States of blocks">
        {rows.map(([kind, label, count, words]) => (
          <li key={kind}>
            <span class={`swatch map-${kind}`} />
            <b>{withCommas(count)}</b> {label} <small>{words}</small>
          </li>
        ))}
      </ul>
      <ul aria-label="KV cache groups">
        {map.groups.map(({ group, kind, block_size }) => (
          <li key={group}>
            <span class="swatch" style={{ background: groupColour(group) }} />
            group {group} · {kind} <small>{block_size} tokens a block</small>{' '}
            <b>{withCommas(groups.get(group)?.inUse ?? 0)}</b> in use,{' '}
            <b>{withCommas(groups.get(group)?.cached ?? 0)}</b> cached
          </li>
        ))}
        <li>
          <b>{inPercent(map.usage)}</b> kv_cache_usage_perc
        </li>
      </ul>
    </div>
  );
}
