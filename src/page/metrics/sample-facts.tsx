/** Where a sample's value comes from, when it last changed, and the queries that people use with it. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { factsText } from '../../shared/tap/frame-facts.ts';
import type { FrameLine } from '../../shared/tap/frame-line.ts';
import { liveFrames } from '../handshake/frame-source.ts';
import { timeText } from '../handshake/sequence-row.tsx';
import type { TwinClient } from '../twin-client.ts';
import type { Family, Sample } from './exposition.ts';
import { growth, historyOf, keyOf, type Scrape } from './history.ts';
import { queriesFor } from './promql.ts';
import { lastChange, provenanceOf } from './provenance.ts';
import { SampleChart } from './sample-chart.tsx';

interface SampleFactsProps {
  readonly family: Family;
  readonly sample: Sample;
  readonly client: TwinClient;
  readonly scrapes: readonly Scrape[];
  readonly onOpenFrame: (n: number) => void;
}

export function SampleFacts({ family, sample, client, scrapes, onOpenFrame }: SampleFactsProps) {
  const provenance = provenanceOf(family.name);
  const lines = useLines(client.baseUrl, scrapes.length);
  const rank = sample.labels['engine'];
  const change = lastChange(lines, provenance, rank === undefined ? null : Number(rank));
  const values = useMemo(() => historyOf(scrapes).get(keyOf(sample)) ?? [], [scrapes, sample]);
  const isGrowing = family.type === 'counter' || family.type === 'histogram';
  const times = scrapes.slice(-values.length).map(({ atMs }) => atMs / 1000);
  return (
    <div class="sample-facts">
      <SampleChart
        name={keyOf(sample)}
        times={times}
        values={isGrowing ? growth(values) : values}
      />
      <dl class="facts">
        <dt>comes from</dt>
        <dd>
          {provenance.type !== null && (
            <code>
              {provenance.type} {provenance.path}
            </code>
          )}{' '}
          {provenance.text}
        </dd>
        {provenance.type !== null && (
          <>
            <dt>last changed by</dt>
            <dd>
              {change === null ? (
                <span class="quiet">no frame that is still kept</span>
              ) : (
                <>
                  <button
                    type="button"
                    class="link"
                    onClick={() => onOpenFrame(change.line.n ?? 0)}
                  >
                    frame {change.line.n}
                  </button>{' '}
                  at {timeText(change.line.t_ms)}: {provenance.path} = <code>{change.value}</code>{' '}
                  <span class="quiet">{factsText(change.line)}</span>
                </>
              )}
            </dd>
          </>
        )}
      </dl>
      <ul class="queries">
        {queriesFor(family).map(({ query, meaning }) => (
          <li key={query}>
            <code>{query}</code> <span class="quiet">{meaning}</span> <CopyButton text={query} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function CopyButton({ text }: { readonly text: string }) {
  const [isDone, setIsDone] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setIsDone(true);
  };
  return (
    <button type="button" onClick={() => void copy().catch(() => setIsDone(false))}>
      {isDone ? 'Copied' : 'Copy'}
    </button>
  );
}

/** Frames that are looked through, and answers that bring them with one scrape. */
const MAX_LINES = 20_000;
const MAX_ROUNDS = 30;

/** The frames that the server still has, anew with each scrape. */
function useLines(baseUrl: string, numScrapes: number): readonly FrameLine[] {
  const [lines, setLines] = useState<readonly FrameLine[]>([]);
  const source = useMemo(() => liveFrames(baseUrl), [baseUrl]);
  useEffect(() => {
    let isOver = false;
    const catchUp = async (): Promise<void> => {
      let last = lines.at(-1)?.n ?? 0;
      for (let round = 0; round < MAX_ROUNDS && !isOver; round++) {
        const fresh = await source.since(last);
        if (isOver || fresh.length === 0) return;
        last = fresh.at(-1)?.n ?? last;
        setLines((known) => [...known, ...fresh].slice(-MAX_LINES));
      }
    };
    catchUp().catch(() => {});
    return () => {
      isOver = true;
    };
  }, [source, numScrapes]);
  return lines;
}
