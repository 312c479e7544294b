import { inTime, withCommas } from '../figures.ts';
import type { TabName } from '../tab-props.ts';
import type { Generation } from './generation.ts';

interface GenerationViewProps {
  readonly generation: Generation;
  readonly onOpenTab: (tab: TabName) => void;
}

const TABS: readonly TabName[] = ['KV cache', 'Scheduler', 'Handshake', 'Metrics'];

/** The answer as text, whatever it looks like. */
export function GenerationView({ generation, onOpenTab }: GenerationViewProps) {
  const { status, id, choices, error, firstChunkMs, totalMs, usage, numChunks } = generation;
  return (
    <div class="generation">
      <p class="generation-facts" role="status">
        <span class={`chip is-${status}`}>{status}</span>
        {id !== null && <code>{id}</code>}
        {firstChunkMs !== null && <span>first chunk after {inTime(firstChunkMs)}</span>}
        {totalMs !== null && <span>all after {inTime(totalMs)}</span>}
        {totalMs !== null && numChunks > 0 && <span>{withCommas(numChunks)} chunks</span>}
        {usage !== null && (
          <span>
            {withCommas(usage.promptTokens)} + {withCommas(usage.completionTokens)} tokens
          </span>
        )}
      </p>
      {error !== null && <p class="failure">{error}</p>}
      <p class="watch">
        Watch it in{' '}
        {TABS.map((tab) => (
          <button key={tab} type="button" class="link" onClick={() => onOpenTab(tab)}>
            {tab}
          </button>
        ))}
      </p>
      {choices.map(({ text, finishReason }, index) => (
        <figure key={index}>
          {(choices.length > 1 || finishReason !== null) && (
            <figcaption class="quiet">
              choice {index}
              {finishReason !== null && `, finish_reason ${finishReason}`}
            </figcaption>
          )}
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
          <pre tabIndex={0}>{text}</pre>
        </figure>
      ))}
    </div>
  );
}
