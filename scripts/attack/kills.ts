/**
 * Kills processes of a served twin at random times: in its start, under load and in its stop. Whatever dies, nothing may
 * stay behind: no process, no folder, no stack on stderr; and the frontend ends with the code that its end means.
 * Bounded: one twin at a time, until the seconds are over.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Prng } from '../../src/shared/prng.ts';

const CLI_MAIN = fileURLToPath(new URL('../../bin/vllm-twin.cjs', import.meta.url));
const MODEL = fileURLToPath(new URL('../../test/golden/tinymodel', import.meta.url));
/** Only decides when a broken twin is given up. */
const PATIENCE_MS = 30_000;
const MAX_DELAY_MS = 600;
const LOOK_MS = 10;
const NUM_CLIENTS = 10;

const SIGNALS = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGSTOP'] as const;
const PHASES = ['start', 'load', 'stop'] as const;
const SHAPES = [
  ['--data-parallel-size', '1'],
  ['--data-parallel-size', '2'],
  ['--data-parallel-size', '2', '--api-server-count', '2'],
] as const;

export interface AttackResult {
  readonly name: string;
  readonly figures: Readonly<Record<string, number | string>>;
  /** One sentence for each thing that went wrong; empty where all held. */
  readonly failures: readonly string[];
}

export async function run({
  seed,
  seconds,
}: {
  seed: number;
  seconds: number;
}): Promise<AttackResult> {
  const prng = new Prng(seed);
  const deadline = performance.now() + seconds * 1000;
  const failures: string[] = [];
  let rounds = 0;
  while (performance.now() < deadline) {
    rounds += 1;
    const failure = await attackOnce(prng);
    if (failure !== null) failures.push(`round ${rounds} of seed ${seed}: ${failure}`);
  }
  return { name: 'kills', figures: { rounds, failures: failures.length }, failures };
}

function pick<T>(prng: Prng, from: readonly T[]): T {
  return from[Math.floor(prng.nextFloat() * from.length)] as T;
}

/** Null where all held. */
async function attackOnce(prng: Prng): Promise<string | null> {
  const phase = pick(prng, PHASES);
  const signal = pick(prng, SIGNALS);
  const shape = pick(prng, SHAPES);
  const hitsFrontend = prng.nextFloat() < 0.4;
  const what = `${signal} to ${hitsFrontend ? 'the frontend' : 'a child'} in its ${phase} with ${shape.join(' ')}`;
  const folder = mkdtempSync(join(tmpdir(), 'kills-'));
  const twin = new Victim(folder, shape);
  try {
    await twin.reach(phase);
    await pause(prng.nextFloat() * MAX_DELAY_MS);
    const children = twin.look();
    const target = hitsFrontend || children.length === 0 ? twin.pid : pick(prng, children);
    twin.kill(target, signal);
    if (signal === 'SIGSTOP') {
      await pause(prng.nextFloat() * MAX_DELAY_MS);
      twin.kill(target, 'SIGCONT');
    }
    // What was only held, or did not mind, is told to stop; a second signal insists, which is no wrong either.
    await Promise.race([twin.exited, pause(MAX_DELAY_MS)]);
    twin.kill(twin.pid, 'SIGTERM');
    const wrong = await twin.verdict(hitsFrontend && signal === 'SIGKILL');
    return wrong === null ? null : `${what}: ${wrong}`;
  } finally {
    twin.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A twin under attack, and every process of it that was ever seen. */
class Victim {
  readonly pid: number;
  readonly exited: Promise<void>;
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #seen = new Set<number>();
  #stdout = '';
  #log = '';
  #isOver = false;

  constructor(folder: string, shape: readonly string[]) {
    this.#folder = folder;
    const words = [
      'serve',
      MODEL,
      '--port',
      '0',
      '--max-model-len',
      '1024',
      '--step-time',
      '5',
      '--log-level',
      'warn',
    ];
    this.#process = spawn(process.execPath, [CLI_MAIN, ...words, ...shape], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: folder },
    });
    this.pid = this.#process.pid ?? 0;
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text;
    });
    this.exited = new Promise((resolve) => {
      this.#process.once('exit', () => {
        this.#isOver = true;
        resolve();
      });
    });
  }

  async reach(phase: (typeof PHASES)[number]): Promise<void> {
    await until(() => this.look().length > 0 || this.#isOver);
    if (phase === 'start') return;
    await until(() => this.#stdout.includes('\n') || this.#isOver);
    this.look();
    for (let i = 0; i < NUM_CLIENTS; i++) void this.#ask(this.#stdout.trim());
    if (phase === 'stop') this.kill(this.pid, 'SIGTERM');
  }

  /** Its children now. */
  look(): readonly number[] {
    const children = childrenOf(this.pid);
    for (const child of children) this.#seen.add(child);
    return children;
  }

  kill(pid: number, signal: NodeJS.Signals): void {
    // Its own parent has not reaped it, or it is no child of ours any more: a number is never used twice in a round.
    if (pid === this.pid ? !this.#isOver : this.#seen.has(pid) && isAlive(pid))
      signalTo(pid, signal);
  }

  /** What is wrong with how it ended; null where nothing is. */
  async verdict(wasKilled: boolean): Promise<string | null> {
    if (!(await until(() => this.#isOver))) return `it did not end:\n${this.#log}`;
    const { exitCode, signalCode } = this.#process;
    if (!(await until(() => ![...this.#seen].some(isAlive)))) return 'a process is left';
    if (!(await until(() => readdirSync(this.#folder).length === 0)))
      return `left on disk: ${readdirSync(this.#folder).join(', ')}`;
    if (/\n {4}at /.test(this.#log)) return `a stack on stderr:\n${this.#log}`;
    const isKnown = wasKilled
      ? signalCode === 'SIGKILL' || exitCode === 0
      : [0, 1, 130, 143].includes(exitCode ?? -1) || signalCode === 'SIGTERM';
    return isKnown ? null : `it ended with ${exitCode ?? signalCode}:\n${this.#log}`;
  }

  end(): void {
    for (const pid of this.#seen) if (isAlive(pid)) signalTo(pid, 'SIGKILL');
    if (!this.#isOver) this.#process.kill('SIGKILL');
  }

  #ask(url: string): Promise<void> {
    return new Promise((resolve) => {
      if (!url.startsWith('http')) return resolve();
      const headers = { 'content-type': 'application/json' };
      const asked = request(
        `${url}/v1/completions`,
        { method: 'POST', agent: false, headers },
        (answer) => {
          answer
            .resume()
            .once('close', resolve)
            .on('error', () => {});
        },
      );
      asked.once('error', () => resolve());
      asked.end(JSON.stringify({ model: MODEL, prompt: 'hi', max_tokens: 200, ignore_eos: true }));
    });
  }
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It went meanwhile.
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text
      .split(' ')
      .filter((word) => word !== '')
      .map(Number);
  } catch {
    return [];
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** False where it does not come to pass in time. */
async function until(condition: () => boolean): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await pause(LOOK_MS);
  }
  return true;
}
