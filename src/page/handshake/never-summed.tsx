/** Each engine's capacity on its way: what it reported, what the registry keeps, what /metrics shows. One child each. */
import { useEffect, useState } from 'preact/hooks';
import type { FramePair } from '../../shared/tap/frame-pairing.ts';
import { parseExposition, type Sample } from '../metrics/exposition.ts';

interface NeverSummedProps {
  readonly pairs: readonly FramePair[];
  /** Null where no server is there to be scraped. */
  readonly baseUrl: string | null;
}

const CACHE_CONFIG_INFO = 'vllm:cache_config_info';

export function NeverSummed({ pairs, baseUrl }: NeverSummedProps) {
  const reported = new Map<number, Readonly<Record<string, unknown>>>();
  for (const { line, engine } of pairs) {
    const isResponse = line.type === 'EngineCoreReadyResponse' && engine !== null;
    if (isResponse && typeof line.message === 'object' && line.message !== null)
      reported.set(engine, line.message as Readonly<Record<string, unknown>>);
  }
  const samples = useCacheConfigInfo(baseUrl, reported.size);
  const ranks = [...reported.keys()].sort((a, b) => a - b);
  if (ranks.length === 0) return null;
  return (
    <section class="card never-summed" aria-label="Never summed">
      <h2>One child each, never summed</h2>
      <div class="scroll-x">
        <table>
          <thead>
            <tr>
              <th>engine</th>
              <th>its ready response</th>
              <th>the registry keeps</th>
              <th>/metrics shows</th>
            </tr>
          </thead>
          <tbody>
            {ranks.map((rank) => (
              <tr key={rank} data-engine={rank % 8}>
                <th scope="row">{rank}</th>
                <td>
                  <Value
                    name="kv_cache_size_tokens"
                    value={reported.get(rank)?.['kv_cache_size_tokens']}
                  />
                </td>
                <td>
                  <Value
                    name={`engines[${rank}]`}
                    value={reported.get(rank)?.['kv_cache_size_tokens']}
                  />
                </td>
                <td>
                  <Shown rank={rank} samples={samples} hasServer={baseUrl !== null} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="quiet">
        {ranks.length === 1
          ? 'With --data-parallel-size 2 and --engine-overrides there are two, side by side.'
          : `The sum, ${ranks
              .reduce(
                (sum, rank) => sum + Number(reported.get(rank)?.['kv_cache_size_tokens'] ?? 0),
                0,
              )
              .toLocaleString(
                'en-US',
              )} tokens, stands nowhere: no request can use the cache of two engines.`}
      </p>
    </section>
  );
}

function Value({ name, value }: { name: string; value: unknown }) {
  return (
    <span class="travels">
      <small>{name}</small>
      <b>{typeof value === 'number' ? value.toLocaleString('en-US') : String(value)}</b>
    </span>
  );
}

function Shown({
  rank,
  samples,
  hasServer,
}: {
  rank: number;
  samples: readonly Sample[];
  hasServer: boolean;
}) {
  if (!hasServer) return <span class="quiet">needs a running twin</span>;
  const sample = samples.find(({ labels }) => labels['engine'] === String(rank));
  if (sample === undefined) return <span class="quiet">not scraped yet</span>;
  return (
    <Value
      name={`${CACHE_CONFIG_INFO}{engine="${rank}"}`}
      value={Number(sample.labels['kv_cache_size_tokens'])}
    />
  );
}

/** Scraped again whenever another engine has reported. */
function useCacheConfigInfo(baseUrl: string | null, numReported: number): readonly Sample[] {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  useEffect(() => {
    if (baseUrl === null || numReported === 0) return;
    let isOver = false;
    const scrape = async (): Promise<void> => {
      const response = await fetch(`${baseUrl}/metrics`);
      if (!response.ok) return;
      const families = parseExposition(await response.text());
      const found = families.find(({ name }) => name === CACHE_CONFIG_INFO);
      if (!isOver) setSamples(found?.samples ?? []);
    };
    scrape().catch(() => {});
    return () => {
      isOver = true;
    };
  }, [baseUrl, numReported]);
  return samples;
}
