/** Every family of /metrics with its value per engine, how it went, where it comes from and how people ask for it. */
import '../tabs.css';
import './metrics.css';
import { useMemo, useState } from 'preact/hooks';
import type { TabProps } from '../tab-props.ts';
import { usePolling } from '../use-polling.ts';
import { type Family, labelText, parseExposition, type Sample } from './exposition.ts';
import { growth, type History, historyOf, keyOf, MAX_SCRAPES, type Scrape } from './history.ts';
import { SampleFacts } from './sample-facts.tsx';
import { Sparkline } from './sparkline.tsx';

const SCRAPE_MS = 2_000;

interface MetricsTabProps extends TabProps {
  /** Shows a frame in Handshake, by its number in the stream. */
  readonly onOpenFrame: (n: number) => void;
}

export function MetricsTab({ client, onOpenFrame }: MetricsTabProps) {
  const [search, setSearch] = useState('');
  const [chosen, setChosen] = useState<string | null>(null);
  const { value: scrapes, error } = usePolling<readonly Family[], readonly Scrape[]>(
    'metrics',
    SCRAPE_MS,
    async () => {
      const response = await fetch(`${client.baseUrl}/metrics`);
      if (!response.ok) throw new Error(`/metrics answers ${response.status}`);
      return parseExposition(await response.text());
    },
    (families, last) => [...(last ?? []).slice(1 - MAX_SCRAPES), { atMs: Date.now(), families }],
  );
  const history = useMemo(() => historyOf(scrapes ?? []), [scrapes]);
  const families = useMemo(() => listed(scrapes?.at(-1)?.families ?? []), [scrapes]);
  const words = search.toLowerCase().trim();
  const shown = families.filter(
    ({ name, help }) => words === '' || `${name} ${help}`.toLowerCase().includes(words),
  );
  return (
    <div class="metrics">
      <div class="toolbar">
        <label class="field-inline">
          Search
          <input
            type="search"
            value={search}
            placeholder="kv_cache, http, tokens …"
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
        <span class="quiet" role="status">
          {shown.length} of {families.length} families, scraped every {SCRAPE_MS / 1000} s
        </span>
      </div>
      {error !== null && <p class="failure">{error}</p>}
      <div class="metrics-list">
        {shown.map((family) => (
          <FamilyCard
            key={family.name}
            family={family}
            history={history}
            chosen={chosen}
            onChoose={(key) => setChosen(key === chosen ? null : key)}
            client={client}
            scrapes={scrapes ?? []}
            onOpenFrame={onOpenFrame}
          />
        ))}
      </div>
    </div>
  );
}

/** vLLM's own first; when a counter began to be is in none of them. */
function listed(families: readonly Family[]): readonly Family[] {
  const placeOf = ({ name }: Family): number => {
    // Nothing writes these without a GPU to measure.
    if (name.startsWith('vllm:estimated_')) return 4;
    if (name.startsWith('vllm:')) return 0;
    return name.startsWith('vllm_twin') ? 1 : name.startsWith('http') ? 2 : 3;
  };
  return families
    .filter(({ name }) => !name.endsWith('_created'))
    .sort((a, b) => placeOf(a) - placeOf(b));
}

interface FamilyCardProps {
  readonly family: Family;
  readonly history: History;
  readonly chosen: string | null;
  readonly onChoose: (key: string) => void;
  readonly client: TabProps['client'];
  readonly scrapes: readonly Scrape[];
  readonly onOpenFrame: (n: number) => void;
}

/** Samples that a family shows before it is asked for all. */
const FEW_SAMPLES = 8;

function FamilyCard({
  family,
  history,
  chosen,
  onChoose,
  onOpenFrame,
  client,
  scrapes,
}: FamilyCardProps) {
  const [showsAll, setShowsAll] = useState(false);
  const main = family.samples.filter(({ name }) => !/_(bucket|created)$/.test(name));
  const samples = showsAll ? family.samples : main.slice(0, FEW_SAMPLES);
  const isGrowing = family.type === 'counter' || family.type === 'histogram';
  return (
    <section
      class={`card family ${isOpenOf(samples, chosen) ? 'is-open' : ''}`}
      aria-label={family.name}
    >
      <h2>
        <code>{family.name}</code> <span class="chip">{family.type}</span>
      </h2>
      <p class="quiet">{family.help}</p>
      <ul class="samples">
        {samples.map((sample) => {
          const key = keyOf(sample);
          const values = history.get(key) ?? [];
          const isOpen = chosen === key;
          return (
            <li key={key}>
              <button
                type="button"
                class="sample"
                data-engine={engineHue(sample)}
                title={key}
                aria-expanded={isOpen}
                onClick={() => onChoose(key)}
              >
                <code>{shownName(family, sample)}</code>
                <Sparkline values={isGrowing ? growth(values) : values} />
                <b>{valueText(sample.value)}</b>
              </button>
              {isOpen && (
                <SampleFacts
                  family={family}
                  sample={sample}
                  client={client}
                  scrapes={scrapes}
                  onOpenFrame={onOpenFrame}
                />
              )}
            </li>
          );
        })}
      </ul>
      {family.samples.length > samples.length && (
        <button type="button" class="link" onClick={() => setShowsAll(true)}>
          all {family.samples.length} samples
        </button>
      )}
    </section>
  );
}

/** The engine first: it is what tells the samples of a family apart. */
function shownName(family: Family, { name, labels }: Sample): string {
  const suffix = name === family.name ? '' : name.slice(family.name.length);
  return `${suffix}${labelText(labels, 'model_name')}` || name;
}

function valueText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return value.toLocaleString('en-US', { maximumFractionDigits: 6 });
}

function isOpenOf(samples: readonly Sample[], chosen: string | null): boolean {
  return chosen !== null && samples.some((sample) => keyOf(sample) === chosen);
}

/** The colour that the engine has in every tab. */
function engineHue({ labels }: Sample): number | undefined {
  const rank = labels['engine'];
  return rank === undefined ? undefined : Number(rank) % 8;
}
