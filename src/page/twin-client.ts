/** What the page asks of the twin's API. Errors are the API's own words. */
import type { ClockRequest, TwinState } from '../shared/twin-api/state.ts';

export type EngineViewName = 'about' | 'blocks' | 'block' | 'request' | 'steps' | 'explain';

const RECONNECT_MS = 2_000;

export interface TwinClient {
  /** Of the server, without a slash at its end: the page may stand below `--root-path`. */
  readonly baseUrl: string;
  /** The answer is believed to be of the type that the view has. */
  engineView<T>(
    rank: number,
    view: EngineViewName,
    query?: { readonly id?: string | number; readonly since?: number },
  ): Promise<T>;
  changeClock(request: ClockRequest, apiKey: string): Promise<void>;
  /** With --handshake-step: lets the next frame go. */
  nextHandshakeFrame(apiKey: string): Promise<void>;
  /** Tells the state now and whenever it changes; gives what ends that. */
  watchState(onState: (state: TwinState) => void, onLost: () => void): () => void;
}

export function createTwinClient(baseUrl: string): TwinClient {
  const ask = async (path: string, init?: RequestInit): Promise<unknown> => {
    const response = await fetch(`${baseUrl}/twin/api/${path}`, init);
    const body: unknown = await response.json().catch(() => null);
    if (response.ok) return body;
    const message = (body as { error?: { message?: unknown } } | null)?.error?.message;
    throw new Error(typeof message === 'string' ? message : `${response.status} from ${path}`);
  };
  const change = async (path: string, request: object, apiKey: string): Promise<void> => {
    const key = apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` };
    await ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...key },
      body: JSON.stringify(request),
    });
  };
  return {
    baseUrl,
    engineView: (rank, view, query = {}) => {
      const search = new URLSearchParams(
        Object.entries(query).map(([name, value]) => [name, String(value)]),
      );
      return ask(`engines/${rank}/${view}?${search}`) as Promise<never>;
    },
    changeClock: (request, apiKey) => change('clock', request, apiKey),
    nextHandshakeFrame: (apiKey) => change('handshake/next', {}, apiKey),
    watchState: (onState, onLost) => {
      let events: EventSource;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const open = (): void => {
        events = new EventSource(`${baseUrl}/twin/api/events`);
        events.addEventListener('state', ({ data }) => onState(JSON.parse(String(data))));
        events.addEventListener('error', () => {
          onLost();
          // The browser tries again by itself, but not after an answer that was an error.
          if (events.readyState === EventSource.CLOSED) timer = setTimeout(open, RECONNECT_MS);
        });
      };
      open();
      return () => {
        clearTimeout(timer);
        events.close();
      };
    },
  };
}

/** `/prefix/twin/` → `/prefix`. */
export function baseUrlOf(pathname: string): string {
  return pathname.replace(/\/twin\/?$/, '');
}
