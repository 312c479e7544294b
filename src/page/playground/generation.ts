/** What has come of a request so far. */
import type { ChunkView } from './completion-chunk.ts';

/** Text kept of a choice; the beginning goes first. */
const MAX_CHARACTERS = 200_000;

export interface Generation {
  readonly status: 'sent' | 'streaming' | 'finished' | 'cancelled' | 'failed';
  readonly id: string | null;
  readonly choices: readonly { readonly text: string; readonly finishReason: string | null }[];
  readonly numChunks: number;
  readonly usage: ChunkView['usage'];
  readonly error: string | null;
  /** Milliseconds since it was sent. */
  readonly firstChunkMs: number | null;
  readonly totalMs: number | null;
}

export function startGeneration(n: number): Generation {
  return {
    status: 'sent',
    id: null,
    choices: Array.from({ length: n }, () => ({ text: '', finishReason: null })),
    numChunks: 0,
    usage: null,
    error: null,
    firstChunkMs: null,
    totalMs: null,
  };
}

/** `elapsedMs` is the time since the request was sent. */
export function takeChunk(generation: Generation, chunk: ChunkView, elapsedMs: number): Generation {
  const choices = [...generation.choices];
  for (const { index, text } of chunk.texts) {
    const choice = choices[index] ?? { text: '', finishReason: null };
    choices[index] = { ...choice, text: (choice.text + text).slice(-MAX_CHARACTERS) };
  }
  for (const { index, reason } of chunk.finishReasons) {
    const choice = choices[index] ?? { text: '', finishReason: null };
    choices[index] = { ...choice, finishReason: reason };
  }
  return {
    ...generation,
    status: 'streaming',
    id: chunk.id ?? generation.id,
    choices,
    numChunks: generation.numChunks + 1,
    usage: chunk.usage ?? generation.usage,
    firstChunkMs: generation.firstChunkMs ?? elapsedMs,
  };
}

export function endGeneration(
  generation: Generation,
  end: { readonly status: 'finished' | 'cancelled' | 'failed'; readonly error: string | null },
  elapsedMs: number,
): Generation {
  return { ...generation, ...end, totalMs: elapsedMs };
}
