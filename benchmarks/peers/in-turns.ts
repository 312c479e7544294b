/** Rounds in which every server is measured once, each round beginning with another one: what changes meanwhile hits all. */
import type { Peer } from './peer.ts';
import type { Measured } from './row.ts';
import type { Sample } from './sample.ts';

export interface Turn extends Sample {
  readonly note?: string;
}

export async function inTurns<P extends Pick<Peer, 'name'>>(
  peers: readonly P[],
  repetitions: number,
  measure: (peer: P) => Promise<Turn>,
): Promise<readonly Measured[]> {
  const turns = peers.map((): Turn[] => []);
  for (let round = 0; round < repetitions; round += 1) {
    for (let position = 0; position < peers.length; position += 1) {
      const index = (position + round) % peers.length;
      const peer = peers[index];
      if (peer !== undefined) turns[index]?.push(await measure(peer));
    }
  }
  return peers.map(({ name }, index) => {
    const samples = turns[index] ?? [];
    const note = samples.at(-1)?.note;
    return { peer: name, samples, ...(note === undefined ? {} : { note }) };
  });
}
