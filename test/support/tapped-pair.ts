/** A frontend's process and our engines with `vllm-twin tap` between them. */
import { freePorts, type RunningProcess } from './process.ts';
import { TINYMODEL, Twin } from './twin.ts';
import { waitUntil } from './wait-for.ts';

export interface TappedPair {
  readonly frontend: RunningProcess;
  readonly tap: Twin;
  readonly engines: Twin;
  readonly url: string;
}

export interface TappedPairOptions {
  /** Starts the frontend; `rpcPort` is its handshake's, `httpPort` where it serves. */
  readonly startFrontend: (ports: {
    readonly rpcPort: number;
    readonly httpPort: number;
  }) => RunningProcess;
  readonly model?: string;
  readonly numEngines: number;
  readonly tapFlags?: readonly string[];
  readonly engineFlags?: readonly string[];
  readonly timeoutMs?: number;
}

/** Resolves once the frontend serves. */
export async function startTappedPair(options: TappedPairOptions): Promise<TappedPair> {
  const { startFrontend, numEngines, model = TINYMODEL, tapFlags = [], engineFlags = [] } = options;
  const [rpcPort = 0, httpPort = 0, listen = 0] = await freePorts(3);
  const url = `http://127.0.0.1:${httpPort}`;
  const frontend = startFrontend({ rpcPort, httpPort });
  const place = ['--listen', `${listen}`, '--upstream', `127.0.0.1:${rpcPort}`];
  const tap = new Twin(['tap', ...place, ...tapFlags]);
  await tap.waitForLog(/Engines say HELLO at/);
  const engines = new Twin([
    ...['serve', model, '--headless', '--data-parallel-size', `${numEngines}`],
    ...['--data-parallel-address', '127.0.0.1', '--data-parallel-rpc-port', `${listen}`],
    ...['--data-parallel-size-local', `${numEngines}`, '--max-model-len', '1024'],
    ...['--num-gpu-blocks-override', '1025', ...engineFlags],
  ]);
  const all = [frontend, tap, engines];
  try {
    await waitUntil(
      '200 of /health',
      async () => {
        if (all.some(({ exit }) => exit !== null))
          throw new Error(`ended too early:\n${all.map(({ log }) => log).join('\n')}`);
        return (await fetch(`${url}/health`).catch(() => null))?.status === 200;
      },
      { timeoutMs: options.timeoutMs ?? 60_000, intervalMs: 200 },
    );
  } catch (error) {
    await stopTappedPair({ frontend, tap, engines, url });
    throw error;
  }
  return { frontend, tap, engines, url };
}

export async function stopTappedPair(pair: TappedPair | undefined): Promise<void> {
  await Promise.all([pair?.frontend.stop(), pair?.engines.stop(), pair?.tap.stop()]);
}

/** The number of tokens that it generated. */
export async function completeTokens(url: string, numTokens: number): Promise<number> {
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'tiny',
      prompt: [5, 6, 7],
      max_tokens: numTokens,
      ignore_eos: true,
    }),
  });
  const body = (await response.json()) as { usage: { completion_tokens: number } };
  return body.usage.completion_tokens;
}

export interface ShownFrame {
  readonly seq: number;
  readonly process: string;
  readonly socket: string;
  readonly direction: 'send' | 'receive';
  readonly peer: number | null;
  readonly type: string;
  readonly message: unknown;
}

/** What `tap --json` has printed so far. */
export function shownFrames(tap: Twin): readonly ShownFrame[] {
  const lines = tap.stdout.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as ShownFrame);
}
