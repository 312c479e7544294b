/** A frontend's process and our engines with `vllm-twin tap` between them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WIRE_VERSIONS } from '../../src/shared/protocol/versions/wire-versions.ts';
import type { Verdict } from '../../src/shared/tap/check/verdict.ts';
import { createDissector } from '../../src/shared/tap/dissector.ts';
import type { FrameLine } from '../../src/shared/tap/frame-line.ts';
import type { RawFrame } from '../../src/shared/tap/raw-frame.ts';
import { VLLM_VERSION } from '../../src/shared/version.ts';
import { freePorts } from './free-ports.ts';
import type { RunningProcess } from './process.ts';
import { TINYMODEL, Twin } from './twin.ts';
import { waitUntil } from './wait-for.ts';

export interface TappedPair {
  readonly frontend: RunningProcess;
  readonly tap: Twin;
  readonly engines: Twin;
  readonly url: string;
  /** Where the tap's recording is. */
  readonly record: string;
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
  const record = mkdtempSync(join(tmpdir(), 'tap-record-'));
  const tap = new Twin(['tap', ...place, '--record', record, ...tapFlags]);
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
    await stopTappedPair({ frontend, tap, engines, url, record });
    throw error;
  }
  return { frontend, tap, engines, url, record };
}

export async function stopTappedPair(pair: TappedPair | undefined): Promise<void> {
  await Promise.all([pair?.frontend.stop(), pair?.engines.stop(), pair?.tap.stop()]);
  if (pair !== undefined) rmSync(pair.record, { recursive: true, force: true });
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
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
  const body = JSON.parse(text) as { usage: { completion_tokens: number } };
  return body.usage.completion_tokens;
}

/** What the tap has recorded so far, decoded. */
export function recordedFrames({ record }: TappedPair): readonly FrameLine[] {
  const dissector = createDissector(WIRE_VERSIONS[VLLM_VERSION]);
  return readdirSync(record)
    .sort()
    .flatMap((file) => readFileSync(join(record, file), 'utf8').split('\n').slice(1, -1))
    .map((line) => {
      const frame = JSON.parse(line) as RawFrame;
      return dissector.line(frame, { process: 'tap', tMs: frame.monotonic_ms });
    });
}

/** What `tap --check --json` says when it is ended. */
export async function verdictOf({
  tap,
}: TappedPair): Promise<Verdict & { readonly code: unknown }> {
  tap.signal('SIGINT');
  const { code } = await tap.waitForExit();
  return { ...(JSON.parse(tap.stdout) as Verdict), code };
}

/** A model of experts, whose ranks step together, in a new folder. */
export function createMoeModel(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tap-moe-'));
  for (const name of readdirSync(TINYMODEL))
    writeFileSync(join(folder, name), readFileSync(join(TINYMODEL, name)));
  const text = readFileSync(join(TINYMODEL, 'config.json'), 'utf8');
  const tiny = JSON.parse(text) as Record<string, unknown>;
  const experts = { num_local_experts: 4, num_experts_per_tok: 2 };
  const kind = { architectures: ['MixtralForCausalLM'], model_type: 'mixtral' };
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...tiny, ...kind, ...experts }));
  return folder;
}
