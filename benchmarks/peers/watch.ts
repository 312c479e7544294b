/** Does meanwhile what an open live page does: listens to events, and fetches the frames that they tell of. */
import type { Peer } from './peer.ts';
import type { RowContext } from './row.ts';

async function watch(url: string, mode: 'events' | 'frames', signal: AbortSignal): Promise<void> {
  const events = await fetch(`${url}/twin/api/events`, { signal });
  let since = 0;
  for await (const part of events.body as unknown as AsyncIterable<Uint8Array>) {
    const lastN = /"last_n":(\d+)/.exec(new TextDecoder().decode(part))?.[1];
    if (lastN === undefined || mode === 'events') continue;
    const frames = await fetch(`${url}/twin/api/frames?since=${since}&limit=1000`, { signal });
    const lines = (await frames.text()).trim().split('\n');
    since = (JSON.parse(lines.at(-1) || '{}') as { n?: number }).n ?? since;
  }
}

/** Watches this build's server, where that is asked for, as long as `act` takes. */
export async function watching<T>(
  { settings }: Pick<RowContext, 'settings'>,
  peers: readonly Peer[],
  act: () => Promise<T>,
): Promise<T> {
  const twin = peers.find(({ name }) => name === 'twin');
  if (settings.watch === 'nothing' || twin === undefined) return act();
  const end = new AbortController();
  void watch(twin.url, settings.watch, end.signal).catch((error: unknown) => {
    if (!end.signal.aborted) throw error;
  });
  try {
    return await act();
  } finally {
    end.abort();
  }
}
