/** Servers and built engines that start with faults, as a scenario file gives them. */
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { encodeProcessConfig } from '../../src/shared/config/engine-process-config.ts';
import { defaultEngineArgs, type EngineArgs } from '../../src/shared/config/registry.ts';
import { type Injection, readInjection } from '../../src/shared/faults/injection.ts';
import type { ScheduledFault } from '../../src/shared/faults/scheduled-fault.ts';
import { packageFile } from './package.ts';
import { RunningProcess } from './process.ts';
import { TINYMODEL } from './twin.ts';

/** Beside what was built, as it reads data there; its packages are the clone's. */
const SERVE = fileURLToPath(new URL('../../dist/serve-with-faults.mjs', import.meta.url));
buildSync({
  entryPoints: [fileURLToPath(new URL('./serve-with-faults.ts', import.meta.url))],
  outfile: SERVE,
  bundle: true,
  format: 'esm',
  platform: 'node',
  packages: 'external',
  logLevel: 'warning',
});

/** `{fault, engine?, for?, …parameters}`. Throws what is wrong with it. */
export function injectionOf(given: Readonly<Record<string, unknown>>): Injection {
  const read = readInjection(given);
  if (!read.isOk) throw new Error(read.message);
  return read.injection;
}

/** A server of small engines that take no time; later words win. */
export function serveWithFaults(
  faults: readonly Readonly<Record<string, unknown>>[],
  words: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): RunningProcess {
  const sizes = ['--max-model-len', '1024', '--num-gpu-blocks-override', '1025'];
  const names = ['--served-model-name', 'tiny', '--port', '0', '--step-time', 'zero'];
  const model = words.includes('--model') ? [] : [TINYMODEL];
  const injections = JSON.stringify(faults.map(injectionOf));
  return new RunningProcess(
    process.execPath,
    [SERVE, injections, ...model, ...sizes, ...names, ...words],
    { env },
  );
}

/** A fault at a time after READY; null is before HELLO. */
export type Planned = readonly [atMs: number | null, given: Readonly<Record<string, unknown>>];

export interface FaultyEngineOptions {
  /** Of the frontend's handshake socket. */
  readonly port: string;
  readonly rank: number;
  readonly dataParallelSize: number;
  readonly plan: readonly Planned[];
  readonly args?: Partial<EngineArgs>;
}

/** A headless engine with a plan of its own. */
export function startFaultyEngine(options: FaultyEngineOptions): RunningProcess {
  const { port, rank, dataParallelSize, plan } = options;
  const faultPlan: ScheduledFault[] = plan.map(([atMs, given]) => ({
    atMs,
    injection: injectionOf(given),
  }));
  const config = encodeProcessConfig({
    args: {
      ...defaultEngineArgs(),
      model: TINYMODEL,
      maxModelLen: 1024,
      numGpuBlocksOverride: 1025,
      stepTime: 'zero',
      tokenSource: 'rule',
      logFormat: 'json',
      dataParallelSize,
      ...options.args,
    },
    rank,
    localRank: 0,
    handshakeAddress: `tcp://127.0.0.1:${port}`,
    clientHandshakeAddress: null,
    privateDirectory: null,
    headless: true,
    faultPlan,
  });
  const main = packageFile('dist/engine-core/main.cjs');
  return new RunningProcess(process.execPath, [main, config]);
}
