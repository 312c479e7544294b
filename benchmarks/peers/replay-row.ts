/**
 * `vllm-twin replay` over a workload of many requests: output tokens per CPU second of the whole command,
 * its start included, and the most memory it held, beside that of a quarter of the workload.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inTurns, type Turn } from './in-turns.ts';
import { cliOf, type PeerName } from './peer.ts';
import { pinned, SERVER_CORE } from './pinning.ts';
import { endedChildrenCpuSeconds, peakRssMegabytesOf } from './process-tree.ts';
import type { Row, RowContext, RowResult } from './row.ts';
import { cpuWhile } from './sample.ts';

const REQUESTS = 5_000;
const PROMPT_TOKENS = 64;
const OUTPUT_TOKENS = 200;
const BLOCK_SIZE = 16;
const MAX_NUM_SEQS = 256;
const VOCAB_SIZE = 32_000;
const POLL_MS = 20;

/** A request arrives with each step, so that soon as many run as it has tokens; no two prompts begin alike. */
function workload(requests: number): string {
  const maxModelLen = PROMPT_TOKENS + OUTPUT_TOKENS;
  return JSON.stringify({
    id: `${requests}-requests`,
    config: {
      num_blocks: MAX_NUM_SEQS * (Math.ceil(maxModelLen / BLOCK_SIZE) + 1) + 1,
      max_model_len: maxModelLen,
      max_num_batched_tokens: 8_192,
      max_num_seqs: MAX_NUM_SEQS,
    },
    requests: Array.from({ length: requests }, (_, request) => ({
      id: `r${request}`,
      arrival_step: request,
      prompt_token_ids: Array.from(
        { length: PROMPT_TOKENS },
        (_, at) => (request + at * 7_919) % VOCAB_SIZE,
      ),
      sampling: { max_tokens: OUTPUT_TOKENS, ignore_eos: true },
    })),
  });
}

interface Run {
  readonly cpuSeconds: number;
  readonly peakMb: number;
  readonly othersPercent: number;
}

async function runReplay(dist: string, words: readonly string[]): Promise<Run> {
  const [file = '', ...args] = pinned(SERVER_CORE, [
    process.execPath,
    cliOf(dist),
    'replay',
    ...words,
  ]);
  const before = endedChildrenCpuSeconds();
  let peakMb = 0;
  const { othersPercent } = await cpuWhile([], async () => {
    const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    const poll = setInterval(() => {
      peakMb = Math.max(peakMb, peakRssMegabytesOf(child.pid ?? 0));
    }, POLL_MS);
    const [code] = (await once(child, 'exit')) as [number | null];
    clearInterval(poll);
    if (code !== 0) throw new Error(`replay ${words.join(' ')} ended with ${code}`);
  });
  return { cpuSeconds: endedChildrenCpuSeconds() - before, peakMb, othersPercent };
}

const MODES = [
  { mode: 'summary', flag: '--summary', aim: 1e6 },
  { mode: 'json', flag: '--json', aim: 5e5 },
] as const;
type Mode = (typeof MODES)[number];

/** What a build has not learnt yet is measured by what it prints instead: its table and summary. */
function wordsOf(dist: string, { flag }: Mode): readonly string[] {
  const { stdout } = spawnSync(process.execPath, [cliOf(dist), 'replay', '--help'], {
    encoding: 'utf8',
  });
  return stdout.includes(flag) ? [flag] : [];
}

async function measureMode(
  context: RowContext,
  mode: Mode,
  files: readonly [small: string, large: string],
  tokens: number,
): Promise<readonly RowResult[]> {
  const { settings } = context;
  const builds: readonly { readonly name: PeerName; readonly dist: string }[] = [
    { name: 'twin', dist: settings.dist },
    ...(settings.against === null
      ? []
      : [{ name: 'other build' as const, dist: settings.against }]),
  ];
  const growths = new Map<PeerName, Turn[]>(builds.map(({ name }) => [name, []]));
  const measured = await inTurns(builds, settings.repetitions, async ({ name }): Promise<Turn> => {
    const dist = builds.find((build) => build.name === name)?.dist ?? '';
    const words = wordsOf(dist, mode);
    const small = await runReplay(dist, [files[0], ...words]);
    const { cpuSeconds, peakMb, othersPercent } = await runReplay(dist, [files[1], ...words]);
    const sample = { othersPercent, clientPercent: null };
    growths.get(name)?.push({
      ...sample,
      value: peakMb / small.peakMb,
      note: `${small.peakMb.toFixed(0)} MB, then ${peakMb.toFixed(0)} MB`,
    });
    const note = words.length === 0 ? `no ${mode.flag} in this build: its table` : '';
    return { ...sample, value: tokens / cpuSeconds, ...(note === '' ? {} : { note }) };
  });
  return [
    {
      row: `replay/${mode.mode}`,
      title: `replay ${mode.flag}`,
      unit: 'output tokens per CPU second',
      measured,
      bounds: [{ against: null, isAtLeast: true, aim: mode.aim, met: null }],
    },
    {
      row: `replay/${mode.mode}/memory`,
      title: `most memory of replay ${mode.flag}, by that of a quarter of the requests`,
      unit: '×',
      measured: builds.map(({ name }) => {
        const samples = growths.get(name) ?? [];
        const note = samples.at(-1)?.note;
        return { peer: name, samples, ...(note === undefined ? {} : { note }) };
      }),
      bounds: [{ against: null, aim: 1.2, met: null }],
    },
  ];
}

export const REPLAY_ROW: Row = {
  name: 'replay',
  title: 'output tokens per CPU second of replay, and its memory',
  async run(context) {
    await context.peers.stop();
    const requests = context.settings.isQuick ? REQUESTS / 10 : REQUESTS;
    const folder = mkdtempSync(join(tmpdir(), 'vllm-twin-bench-'));
    try {
      const files = [join(folder, 'small.json'), join(folder, 'large.json')] as const;
      writeFileSync(files[0], workload(requests / 4));
      writeFileSync(files[1], workload(requests));
      const results: RowResult[] = [];
      for (const mode of MODES)
        results.push(...(await measureMode(context, mode, files, requests * OUTPUT_TOKENS)));
      return results;
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
