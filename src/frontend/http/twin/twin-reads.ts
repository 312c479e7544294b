/** From a path and its query to what is asked of the twin. */
import type { EngineViewMethods } from '../../../shared/twin-api/engine-views.ts';
import type { TwinQuestion } from '../../twin/twin-question.ts';

export const DEFAULT_FRAMES = 1_000;
export const MAX_FRAMES = 5_000;

/** A query that cannot be read; its message names the parameter, the value and the limit. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
}

type View = 'about' | 'blocks' | 'block' | 'request' | 'steps' | 'explain';

const METHODS: Readonly<Record<View, keyof EngineViewMethods>> = {
  about: 'vllm_twin_about',
  blocks: 'vllm_twin_blocks',
  block: 'vllm_twin_block',
  request: 'vllm_twin_request',
  steps: 'vllm_twin_steps',
  explain: 'vllm_twin_explain',
};

/** Null where there is no such path. Throws QueryError. */
export function questionOfRead(path: string, query: URLSearchParams): TwinQuestion | null {
  if (path === '/twin/api/state') return { ask: 'state' };
  if (path === '/twin/api/frames') {
    return {
      ask: 'frames',
      since: countOf(query, 'since', { fallback: 0 }),
      limit: countOf(query, 'limit', { fallback: DEFAULT_FRAMES, min: 1, max: MAX_FRAMES }),
    };
  }
  if (path === '/twin/api/frame') return { ask: 'frame', n: countOf(query, 'n', { min: 1 }) };
  if (path === '/twin/api/faults') return { ask: 'faults' };
  if (path === '/twin/api/faults/active') return { ask: 'active-faults' };
  if (path === '/twin/api/load') return { ask: 'loads' };
  if (path === '/twin/api/scenarios') return { ask: 'scenarios' };
  const match = /^\/twin\/api\/engines\/(\d{1,5})\/([a-z]+)$/.exec(path);
  if (match === null || !isView(match[2])) return null;
  const view = match[2];
  return {
    ask: 'engine',
    rank: Number(match[1]),
    method: METHODS[view],
    args: argsOf(view, query),
  };
}

function isView(word: string | undefined): word is View {
  return word !== undefined && Object.hasOwn(METHODS, word);
}

function argsOf(view: View, query: URLSearchParams): readonly unknown[] {
  switch (view) {
    case 'block':
      return [countOf(query, 'id', {})];
    case 'request': {
      const id = query.get('id');
      if (id === null) throw new QueryError('id: the id of a request is missing');
      return [id];
    }
    case 'steps':
      return [countOf(query, 'since', { fallback: 0 })];
    default:
      return [];
  }
}

function countOf(
  query: URLSearchParams,
  name: string,
  {
    fallback,
    min = 0,
    max = Number.MAX_SAFE_INTEGER,
  }: { fallback?: number; min?: number; max?: number },
): number {
  const text = query.get(name);
  if (text === null) {
    if (fallback !== undefined) return fallback;
    throw new QueryError(`${name}: missing; a whole number from ${min} on`);
  }
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  const limit = max === Number.MAX_SAFE_INTEGER ? `from ${min} on` : `from ${min} to ${max}`;
  throw new QueryError(`${name}: expected a whole number ${limit}, got ${JSON.stringify(text)}`);
}
