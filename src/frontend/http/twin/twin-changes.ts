/** From a method and a path that change something to what is asked of the twin, and how a success is answered. */
import type { TwinQuestion } from '../../twin/twin-question.ts';

export interface TwinChange {
  readonly status: 200 | 201 | 204;
  readonly question: (body: Readonly<Record<string, unknown>>) => TwinQuestion;
}

type Method = 'POST' | 'DELETE';

const POSTS: Readonly<Record<string, TwinChange>> = {
  '/twin/api/clock': { status: 200, question: (change) => ({ ask: 'clock', change }) },
  '/twin/api/handshake/next': { status: 200, question: () => ({ ask: 'handshake-next' }) },
  '/twin/api/faults': { status: 201, question: (request) => ({ ask: 'inject', request }) },
  '/twin/api/load': { status: 201, question: (request) => ({ ask: 'begin-load', request }) },
  '/twin/api/scenarios': {
    status: 201,
    question: (request) => ({ ask: 'begin-scenario', request }),
  },
};

/** What a handle below a path is deleted by. */
const DELETES: Readonly<Record<string, (handle: string) => TwinQuestion>> = {
  '/twin/api/faults': (handle) => ({ ask: 'clear', handle }),
  '/twin/api/load': (handle) => ({ ask: 'end-load', handle }),
  '/twin/api/scenarios': (handle) => ({ ask: 'end-scenario', handle }),
};

/** Null where the method changes nothing there. */
export function changeOf(method: Method, path: string): TwinChange | null {
  if (method === 'POST') return POSTS[path] ?? null;
  const match = /^(.+)\/([A-Za-z0-9_-]{1,64})$/.exec(path);
  const question = DELETES[match?.[1] ?? ''];
  const handle = match?.[2];
  if (question === undefined || handle === undefined) return null;
  return { status: 204, question: () => question(handle) };
}

/** The methods that change something at a path: for a 405. */
export function changingMethods(path: string): readonly Method[] {
  return (['POST', 'DELETE'] as const).filter((method) => changeOf(method, path) !== null);
}
