/**
 * `vllm-twin replay` over a workload that decodes almost all the time: output tokens per CPU second of the whole command,
 * its start included, and the most memory it held, beside that of a run of a quarter of the steps.
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

const REQUESTS = 256;
const PROMPT_TOKENS = 16;
const BLOCK_SIZE = 16;
const POLL_MS = 20;

/** Every request arrives at once and runs to its end beside all the others; the pool is that of the longest workload. */
function workload(outputTokens: number, mostTokens: number): string {
  const maxModelLen = PROMPT_TOKENS + mostTokens;
  const blocksOfRequest = Math.ceil(maxModelLen / BLOCK_SIZE) + 1;
  return JSON.stringify({
    id: `${REQUESTS}-requests-of-${outputTokens}`,
    config: {
      num_blocks: REQUESTS * blocksOfRequest + 1,
      max_model_len: maxModelLen,
      max_num_batched_tokens: 8_192,
      max_num_seqs: REQUESTS,
    },
    requests: Array.from({ length: REQUESTS }, (_, request) => ({
      id: `r${request}`,
      arrival_step: 0,
      prompt_token_ids: Array.from({ length: PROMPT_TOKENS }, (_, at) => 300 + request + at),
      sampling: { max_tokens: outputTokens, ignore_eos: true },
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
      title: `most memory of replay ${mode.flag}, by that of a quarter of the steps`,
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
    const outputTokens = context.settings.isQuick ? 400 : 4_000;
    const folder = mkdtempSync(join(tmpdir(), 'vllm-twin-bench-'));
    try {
      const files = [join(folder, 'small.json'), join(folder, 'large.json')] as const;
      writeFileSync(files[0], workload(outputTokens / 4, outputTokens));
      writeFileSync(files[1], workload(outputTokens, outputTokens));
      const results: RowResult[] = [];
      for (const mode of MODES)
        results.push(...(await measureMode(context, mode, files, REQUESTS * outputTokens)));
      return results;
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
