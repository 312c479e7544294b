import type { BlockView } from '../../shared/twin-api/engine-views.ts';
import { withCommas } from '../figures.ts';

interface BlockFactsProps {
  readonly block: BlockView | null;
  readonly error: string | null;
  readonly onRequest: (id: string) => void;
}

export function BlockFacts({ block, error, onRequest }: BlockFactsProps) {
  return (
    <section class="card" aria-label="Block">
      <h2>Block {block === null ? '' : withCommas(block.block_id)}</h2>
      {error !== null && <p class="failure">{error}</p>}
      {block === null ? (
        <p class="quiet">None is open.</p>
      ) : (
        <dl class="facts">
          <dt>state</dt>
          <dd>{block.state.replace('_', ' ')}</dd>
          <dt>ref_cnt</dt>
          <dd>{block.ref_cnt}</dd>
          <dt>group</dt>
          <dd>{block.group ?? '—'}</dd>
          <dt>block_hash</dt>
          <dd class="hash">{block.block_hash ?? '—'}</dd>
          <dt>in the free queue</dt>
          <dd>
            {block.eviction_position === null
              ? '—'
              : `place ${withCommas(block.eviction_position)}`}
          </dd>
          <dt>held by</dt>
          <dd>
            {block.holders.length === 0
              ? 'nobody'
              : block.holders.map(({ request_id, position }) => (
                  <div key={request_id}>
                    <button type="button" class="link" onClick={() => onRequest(request_id)}>
                      {request_id}
                    </button>{' '}
                    <span class="quiet">at position {withCommas(position)}</span>
                  </div>
                ))}
          </dd>
        </dl>
      )}
    </section>
  );
}
