/** An engine's KV cache, block by block. */
import '../group-colours.css';
import '../tabs.css';
import './kv-cache.css';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { BlockMap, BlockView, RequestView } from '../../shared/twin-api/engine-views.ts';
import type { TabProps } from '../tab-props.ts';
import { usePolling } from '../use-polling.ts';
import { BlockCanvas } from './block-canvas.tsx';
import { BlockFacts } from './block-facts.tsx';
import { countBlocks, type DecodedBlocks, decodeBlocks, describeCounts } from './block-map.ts';
import { addFlashes, type Flashes } from './flashes.ts';
import { Legend } from './legend.tsx';
import { RequestFacts, RequestList } from './requests.tsx';
import { ZoomControl } from './zoom-control.tsx';

const LOOK_EVERY_MS = 200;
const FACTS_EVERY_MS = 400;

interface Looked {
  readonly map: BlockMap;
  readonly blocks: DecodedBlocks;
  readonly flashes: Flashes;
  /** Prefix hits seen since the tab was opened. */
  readonly numHits: number;
}

/** Null inside: the engine has none. */
interface Answer<T> {
  readonly view: T | null;
}

export function KvCacheTab({ client, engine }: TabProps) {
  const [cell, setCell] = useState<number | null>(null);
  const [blockId, setBlockId] = useState<number | null>(null);
  const [requestId, setRequestId] = useState<string | null>(null);
  const { value, error } = usePolling<BlockMap, Looked>(
    `${engine}`,
    LOOK_EVERY_MS,
    () => client.engineView(engine, 'blocks'),
    (map, last) => ({
      map,
      blocks: decodeBlocks(map),
      flashes: addFlashes(last?.flashes ?? new Map(), map.recent_hits, performance.now()),
      numHits: (last?.numHits ?? 0) + map.recent_hits.length,
    }),
  );
  // What was chosen is of one engine.
  useEffect(() => {
    setBlockId(null);
    setRequestId(null);
  }, [engine]);
  const block = usePolling<BlockView | null, Answer<BlockView>>(
    `${engine} ${blockId}`,
    FACTS_EVERY_MS,
    async () => (blockId === null ? null : client.engineView(engine, 'block', { id: blockId })),
    (view) => ({ view }),
  );
  const request = usePolling<RequestView | null, Answer<RequestView>>(
    `${engine} ${requestId}`,
    FACTS_EVERY_MS,
    async () =>
      requestId === null ? null : client.engineView(engine, 'request', { id: requestId }),
    (view) => ({ view }),
  );
  const view = request.value?.view ?? null;
  const marked = useMemo(
    () => markedBlocks(value?.blocks.numBlocks ?? 0, view),
    [value?.blocks.numBlocks, view],
  );
  if (value === null) {
    return error === null ? (
      <p class="quiet">Asking engine {engine} for its blocks …</p>
    ) : (
      <p class="failure">{error}</p>
    );
  }
  const { map, blocks, flashes, numHits } = value;
  const counts = countBlocks(blocks);
  const summary = describeCounts(counts, blocks, map.num_blocks);
  return (
    <div class="kv-cache">
      <div class="kv-main">
        <div class="toolbar">
          <ZoomControl cell={cell} onChange={setCell} />
          <span class="quiet" role="status">
            {summary}
          </span>
        </div>
        {error !== null && <p class="failure">{error}</p>}
        <BlockCanvas
          blocks={blocks}
          engine={engine}
          summary={summary}
          cell={cell}
          marked={marked}
          selected={blockId}
          flashes={flashes}
          onPress={setBlockId}
        />
        <Legend counts={counts} map={map} numHits={numHits} />
      </div>
      <aside class="kv-side">
        <BlockFacts
          block={block.value?.view ?? null}
          error={block.error}
          onRequest={setRequestId}
        />
        <RequestFacts
          answer={request.value}
          error={request.error}
          requestId={requestId}
          onBlock={setBlockId}
          onClose={() => setRequestId(null)}
        />
        <RequestList ids={map.request_ids} chosen={requestId} onChoose={setRequestId} />
      </aside>
    </div>
  );
}

function markedBlocks(numBlocks: number, request: RequestView | null): Uint8Array | null {
  if (request === null) return null;
  const marked = new Uint8Array(numBlocks);
  for (const table of request.block_tables) for (const id of table) marked[id] = 1;
  return marked;
}
