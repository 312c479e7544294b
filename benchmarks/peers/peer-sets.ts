/**
 * The servers that are up: a set for a number of engines, kept for as many rows as want the same one, and stopped for the
 * next. Those that are not measured just then are idle.
 */
import type { BareAnswer } from './bare-server.ts';
import { type CompletionShape, completion } from './load.ts';
import {
  type Peer,
  type PeerName,
  startBareNode,
  startTwin,
  startVllmRsWithMock,
  startVllmRsWithOurs,
} from './peer.ts';
import type { Settings } from './settings.ts';

/** Every answer that a row of the usual flags asks for; bare Node learns them from the twin. */
const COMPLETION_SHAPES: readonly CompletionShape[] = [
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
  const { path, body: request } = completion(shape);
  const response = await fetch(url + path, {
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

export function answersOf(url: string, shapes = COMPLETION_SHAPES): Promise<readonly BareAnswer[]> {
  return Promise.all(shapes.map((shape) => answerOf(url, shape)));
}

/** What a row's servers have that others have not. */
export interface OwnServers {
  readonly flags?: readonly string[];
  /** What bare Node learns to answer; default: what most rows ask for. */
  readonly shapes?: readonly CompletionShape[];
}

export class PeerSets {
  readonly #settings: Settings;
  readonly #vllmRs: string | null;
  #key = '';
  #peers: Peer[] = [];

  /** `vllmRs`: the binary of vLLM's Rust frontend, or null where there is none. */
  constructor(settings: Settings, vllmRs: string | null) {
    this.#settings = settings;
    this.#vllmRs = vllmRs;
  }

  /** The chosen servers with so many engines, in the order in which they are printed. */
  async of(engines: number, own: OwnServers = {}): Promise<readonly Peer[]> {
    const { flags = [], shapes } = own;
    const key = `${engines} ${flags.join(' ')}`;
    if (key === this.#key) return this.#peers;
    await this.stop();
    this.#key = key;
    for (const start of this.#starts(engines, flags, shapes)) {
      this.#peers.push(await start());
    }
    return this.#peers;
  }

  async stop(): Promise<void> {
    const peers = this.#peers;
    this.#peers = [];
    this.#key = '';
    await Promise.all(peers.map((peer) => peer.stop()));
  }

  #starts(
    engines: number,
    flags: readonly string[],
    shapes?: readonly CompletionShape[],
  ): readonly (() => Promise<Peer>)[] {
    const { peers, dist, against, flags: ofTwin } = this.#settings;
    const rs = this.#vllmRs;
    const starts: readonly (readonly [PeerName, (() => Promise<Peer>) | null])[] = [
      ['twin', () => startTwin('twin', dist, { engines, flags: [...flags, ...ofTwin] })],
      [
        'other build',
        against === null ? null : () => startTwin('other build', against, { engines, flags }),
      ],
      ['bare Node', () => this.#startBareNode(shapes)],
      ['vllm-rs + mock', rs === null ? null : () => startVllmRsWithMock(rs, { engines })],
      [
        'vllm-rs + our engines',
        rs === null ? null : () => startVllmRsWithOurs(rs, dist, { engines, flags }),
      ],
    ];
    return starts.flatMap(([name, start]) =>
      start !== null && peers.includes(name) ? [start] : [],
    );
  }

  async #startBareNode(shapes?: readonly CompletionShape[]): Promise<Peer> {
    const [known] = this.#peers;
    if (known === undefined)
      throw new Error('bare Node answers what a twin has answered before it');
    return startBareNode(await answersOf(known.url, shapes));
  }
}
