import { useState } from 'preact/hooks';
import type { RequestView } from '../../shared/twin-api/engine-views.ts';
import { withCommas } from '../figures.ts';
import { groupColour } from '../group-colour.ts';

/** Rows of the list, and blocks of a table, that are shown at once. */
const MAX_ROWS = 200;
const MAX_BLOCKS = 256;

interface RequestListProps {
  readonly ids: readonly string[];
  readonly chosen: string | null;
  readonly onChoose: (id: string | null) => void;
}

/** Requests that run or wait; pressing one marks its blocks in the map. */
export function RequestList({ ids, chosen, onChoose }: RequestListProps) {
  const [search, setSearch] = useState('');
  const found = ids.filter((id) => id.includes(search));
  return (
    <section class="card" aria-label="Requests">
      <h2>
        Requests <span class="quiet">{withCommas(ids.length)}</span>
      </h2>
      {ids.length > 12 && (
        <input
          type="search"
          aria-label="Search request ids"
          placeholder="part of an id"
          value={search}
          onInput={({ currentTarget }) => setSearch(currentTarget.value)}
        />
      )}
      {ids.length === 0 && <p class="quiet">None runs or waits.</p>}
      <ul class="request-list">
        {found.slice(0, MAX_ROWS).map((id) => (
          <li key={id}>
            <button
              type="button"
              aria-pressed={id === chosen}
              onClick={() => onChoose(id === chosen ? null : id)}
            >
              {id}
            </button>
          </li>
        ))}
      </ul>
      {found.length > MAX_ROWS && (
        <p class="quiet">and {withCommas(found.length - MAX_ROWS)} more: search for one</p>
      )}
    </section>
  );
}

interface RequestFactsProps {
  readonly requestId: string | null;
  /** Null before the engine answered, and inside where it has none of this id. */
  readonly answer: { readonly view: RequestView | null } | null;
  readonly error: string | null;
  readonly onBlock: (id: number) => void;
  readonly onClose: () => void;
}

/** A request's tables, a list a group. */
export function RequestFacts({ requestId, answer, error, onBlock, onClose }: RequestFactsProps) {
  if (requestId === null) return null;
  const request = answer?.view ?? null;
  return (
    <section class="card" aria-label="Request">
      <h2>
        Request <code>{requestId}</code>
        <button type="button" class="close" aria-label="Close the request" onClick={onClose}>
          ×
        </button>
      </h2>
      {error !== null && <p class="failure">{error}</p>}
      {request === null ? (
        <p class="quiet">
          {answer === null ? 'Asking the engine …' : 'The engine has none of this id any more.'}
        </p>
      ) : (
        <>
          <dl class="facts">
            <dt>status</dt>
            <dd>{request.status}</dd>
            <dt>num_tokens</dt>
            <dd>
              {withCommas(request.num_tokens)}{' '}
              <span class="quiet">{withCommas(request.num_prompt_tokens)} of the prompt</span>
            </dd>
            <dt>num_computed_tokens</dt>
            <dd>{withCommas(request.num_computed_tokens)}</dd>
            <dt>num_cached_tokens</dt>
            <dd>{withCommas(request.num_cached_tokens)}</dd>
            <dt>num_preemptions</dt>
            <dd>{request.num_preemptions}</dd>
          </dl>
          {request.block_tables.map((table, group) => (
            <BlockTable key={group} table={table} group={group} onBlock={onBlock} />
          ))}
        </>
      )}
    </section>
  );
}

interface BlockTableProps {
  readonly table: readonly number[];
  readonly group: number;
  readonly onBlock: (id: number) => void;
}

function BlockTable({ table, group, onBlock }: BlockTableProps) {
  const left = table.length - MAX_BLOCKS;
  return (
    <div class="block-table">
      <h3>
        <span class="swatch" style={{ background: groupColour(group) }} /> group {group}{' '}
        <span class="quiet">{withCommas(table.length)} blocks</span>
      </h3>
      <div class="block-ids">
        {left > 0 && <span class="quiet">… {withCommas(left)} before</span>}
        {table.slice(-MAX_BLOCKS).map((id, at) => (
          <button type="button" key={at} onClick={() => onBlock(id)}>
            {id}
          </button>
        ))}
      </div>
    </div>
  );
}
