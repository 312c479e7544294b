/**
 * The servers that are up: a set for a number of engines, kept for as many rows as want the same one, and stopped for the
 * next. Those that are not measured just then are idle.
 */
import type { BareAnswer } from './bare-server.ts';
import { COMPLETIONS_PATH, type CompletionShape, completionBody } from './load.ts';
import { type Peer, startBareNode, startTwin, startVllmRs } from './peer.ts';
import type { Settings } from './settings.ts';

/** Every answer that a row asks for; bare Node learns them from the twin. */
export const COMPLETION_SHAPES: readonly CompletionShape[] = [
  { maxTokens: 1, stream: false },
  { maxTokens: 64, stream: false },
  { maxTokens: 128, stream: true },
];

/** Of node:http's own making, or of this connection alone. */
const HOP_HEADERS = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'transfer-encoding',
]);

async function answerOf(url: string, shape: CompletionShape): Promise<BareAnswer> {
  const request = completionBody(shape);
  const response = await fetch(url + COMPLETIONS_PATH, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: request,
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}: ${text}`);
  const headers = [...response.headers].filter(([name]) => !HOP_HEADERS.has(name));
  const parts = shape.stream ? text.split(/(?<=\n\n)/) : [text];
  return { request, headers: Object.fromEntries(headers), parts };
}

export function answersOf(url: string): Promise<readonly BareAnswer[]> {
  return Promise.all(COMPLETION_SHAPES.map((shape) => answerOf(url, shape)));
}

export class PeerSets {
  readonly #settings: Settings;
  #key = '';
  #peers: Peer[] = [];

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** The chosen servers with so many engines, in the order in which they are printed. */
  async of(engines: number, flags: readonly string[] = []): Promise<readonly Peer[]> {
    const key = `${engines} ${flags.join(' ')}`;
    if (key === this.#key) return this.#peers;
    await this.stop();
    this.#key = key;
    for (const start of this.#starts(engines, flags)) {
      const peer = await start();
      if (peer !== null) this.#peers.push(peer);
    }
    return this.#peers;
  }

  async stop(): Promise<void> {
    const peers = this.#peers;
    this.#peers = [];
    this.#key = '';
    await Promise.all(peers.map((peer) => peer.stop()));
  }

  #starts(engines: number, flags: readonly string[]): readonly (() => Promise<Peer | null>)[] {
    const { peers, dist, against, flags: ofTwin } = this.#settings;
    const twin = { engines, dist, flags: [...flags, ...ofTwin] };
    const all: readonly (readonly [Peer['name'], () => Promise<Peer | null>])[] = [
      ['twin', () => startTwin('twin', twin)],
      [
        'other build',
        async () =>
          against === null ? null : startTwin('other build', { engines, dist: against, flags }),
      ],
      [
        'bare Node',
        async () => {
          // Whichever build is up: they answer the same.
          const [known] = this.#peers;
          if (known === undefined)
            throw new Error('bare Node answers what a twin has answered before');
          return startBareNode(await answersOf(known.url));
        },
      ],
      ['vllm-rs + mock', () => startVllmRs(engines, { kind: 'mock' })],
      ['vllm-rs + our engines', () => startVllmRs(engines, { kind: 'ours', dist, flags })],
    ];
    return all.filter(([name]) => peers.includes(name)).map(([, start]) => start);
  }
}
