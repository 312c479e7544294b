/** Each engine's capacity on its way: what it reported, what the registry keeps, what /metrics shows. One child each. */
import { type ComponentChildren, Fragment } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { FramePair } from '../../shared/tap/frame-pairing.ts';
import { parseExposition, type Sample } from '../metrics/exposition.ts';

interface NeverSummedProps {
  readonly pairs: readonly FramePair[];
  /** `kv_cache_size_tokens` of each rank, as the frontend's registry has it; null in a recording. */
  readonly registry: ReadonlyMap<number, number | null> | null;
  /** Null where no server is there to be scraped. */
  readonly baseUrl: string | null;
}

const CACHE_CONFIG_INFO = 'vllm:cache_config_info';

export function NeverSummed({ pairs, registry, baseUrl }: NeverSummedProps) {
  const reported = new Map<number, Readonly<Record<string, unknown>>>();
  for (const { line, engine } of pairs) {
    const isResponse = line.type === 'EngineCoreReadyResponse' && engine !== null;
    if (isResponse && typeof line.message === 'object' && line.message !== null)
      reported.set(engine, line.message as Readonly<Record<string, unknown>>);
  }
  const ranks = [...reported.keys()].sort((a, b) => a - b);
  const samples = useCacheConfigInfo(baseUrl, ranks.join(' '));
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
                  <i class="way" />
                </td>
                <td>
                  <Kept rank={rank} registry={registry} />
                  <i class="way" />
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
      <small>{breakable(name)}</small>
      <b>{typeof value === 'number' ? value.toLocaleString('en-US') : String(value)}</b>
    </span>
  );
}

/** A name of many words breaks between them. */
function breakable(name: string): ComponentChildren {
  return name.split(/(?<=[_:{])/).map((word, index) => (
    <Fragment key={index}>
      {index > 0 && <wbr />}
      {word}
    </Fragment>
  ));
}

function Kept({ rank, registry }: { rank: number } & Pick<NeverSummedProps, 'registry'>) {
  if (registry === null) return <span class="quiet">needs a running twin</span>;
  const tokens = registry.get(rank) ?? null;
  if (tokens === null) return <span class="quiet">not yet</span>;
  return <Value name={`engines[${rank}]`} value={tokens} />;
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

const SCRAPE_MS = 1_000;

/** Scraped until each engine that has reported is there; anew when another one reports, or one again. */
function useCacheConfigInfo(baseUrl: string | null, ranks: string): readonly Sample[] {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  useEffect(() => {
    if (baseUrl === null || ranks === '') return;
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const scrape = async (): Promise<boolean> => {
      const response = await fetch(`${baseUrl}/metrics`);
      if (!response.ok) return false;
      const families = parseExposition(await response.text());
      const found = families.find(({ name }) => name === CACHE_CONFIG_INFO)?.samples ?? [];
      if (!isOver) setSamples(found);
      return ranks
        .split(' ')
        .every((rank) => found.some(({ labels }) => labels['engine'] === rank));
    };
    const turn = async (): Promise<void> => {
      const isWhole = await scrape().catch(() => false);
      if (!isOver && !isWhole) timer = setTimeout(() => void turn(), SCRAPE_MS);
    };
    void turn();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [baseUrl, ranks]);
  return samples;
}
