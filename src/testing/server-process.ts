/**
 * `vllm-twin serve` as a child of this process: started, its log kept, and ended for certain. Its standard input is a pipe
 * whose other end is here: when this process ends, killed or not, so does the child. A child that runs does not keep this
 * process alive.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describeDuration } from '../shared/duration.ts';
import { type ErrorCode, StartupError } from '../shared/errors.ts';
import { PACKAGE_JSON } from '../shared/own-files.ts';
import { readProcessEntry } from '../shared/process-table.ts';
import { systemTimers } from '../shared/timers.ts';
import { LogTail } from './log-tail.ts';

/** How a server has ended. */
export interface Exit {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Log lines in the message of a start that failed. */
const MAX_LINES_TOLD = 20;

/** A start that failed: the message says why, with the server's last log lines. */
export class TwinStartError extends StartupError {
  /** The last lines of the server's log, oldest first. */
  readonly log: readonly string[];
  /** Null where it had to be ended. */
  readonly exit: Exit | null;

  constructor(code: ErrorCode, reason: string, log: LogTail, exit: Exit | null) {
    const lines = log.last(MAX_LINES_TOLD).map((line) => `  ${line}`);
    const told = lines.length === 0 ? ['  (none)'] : lines;
    super(code, [`the twin did not start: ${reason}. Its last log lines:`, ...told].join('\n'));
    this.log = log.last();
    this.exit = exit;
  }
}

const COMMAND = join(dirname(PACKAGE_JSON), 'bin', 'vllm-twin.cjs');

export interface ServerProcessOptions {
  /** Behind `serve`. */
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export class ServerProcess {
  readonly log = new LogTail();
  /** Resolves when it is gone with all that it started. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #address: Promise<string>;
  #exit: Exit | null = null;

  constructor({ words, env }: ServerProcessOptions) {
    const own = ['--exit-with-stdin', '--log-format', 'json'];
    const child = spawn(process.execPath, [COMMAND, 'serve', ...words, ...own], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...withoutSettings(process.env), ...env },
    });
    this.#child = child;
    // What is left of a child that is gone must not fail a test.
    child.stdin.on('error', () => {});
    createInterface({ input: child.stderr }).on('line', (line) => this.log.add(line));
    this.#address = new Promise((resolve) => {
      createInterface({ input: child.stdout }).once('line', resolve);
    });
    this.exited = new Promise((resolve) => {
      const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.#exit ??= { code, signal };
        resolve(this.#exit);
      };
      // Its children hold its streams: they close with the last of them.
      child.once('close', finish);
      child.once('error', (error) => {
        this.log.add(error.message);
        if (child.pid === undefined) finish(null, null);
      });
    });
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  /** Null while it runs. */
  get exit(): Exit | null {
    return this.#exit;
  }

  /** Its address, once it listens. Throws TwinStartError, having ended it, where it does not come to that. */
  async waitForAddress(timeoutMs: number, signal: AbortSignal | undefined): Promise<string> {
    const ended = this.exited.then(({ code, signal: by }) => {
      const how = by === null ? `it ended with exit code ${code}` : `${by} ended it`;
      throw this.#startError('E_SERVER_ENDED', how);
    });
    const waits = new Waits();
    try {
      return await Promise.race([
        this.#address,
        ended,
        waits.timeout(timeoutMs).then(() => {
          const reason = `it did not listen within ${describeDuration(timeoutMs)} (startTimeout)`;
          throw this.#startError('E_STARTUP_TIMEOUT', reason);
        }),
        waits.abort(signal).then(() => {
          throw this.#startError('E_INTERRUPTED', 'the signal of its options was aborted');
        }),
      ]);
    } catch (error) {
      await this.kill();
      throw error;
    } finally {
      waits.end();
      ended.catch(() => {});
    }
  }

  /** From now on it does not keep this process alive. */
  release(): void {
    this.#child.unref();
    for (const stream of this.#child.stdio) if (stream instanceof Socket) stream.unref();
  }

  /** Keeps this process alive meanwhile. */
  async waitForExit(): Promise<Exit> {
    const timer = setInterval(() => {}, KEEP_ALIVE_MS);
    const exit = await this.exited;
    clearInterval(timer);
    return exit;
  }

  /** SIGTERM, and after `timeoutMs` the end of it and all that it started. */
  async stop(timeoutMs: number): Promise<Exit> {
    if (this.#exit !== null) return this.#exit;
    const waits = new Waits();
    this.#child.kill('SIGTERM');
    const exit = await Promise.race([this.exited, waits.timeout(timeoutMs)]);
    waits.end();
    return exit ?? this.kill();
  }

  /** SIGKILL to it and all that it started. */
  async kill(): Promise<Exit> {
    if (this.#exit === null && this.pid !== null)
      for (const pid of [...descendantsOf(this.pid), this.pid]) sendKill(pid);
    return this.waitForExit();
  }

  #startError(code: ErrorCode, reason: string): TwinStartError {
    return new TwinStartError(code, reason, this.log, this.#exit);
  }
}

/** Nothing happens then: a timer is what keeps a process alive. */
const KEEP_ALIVE_MS = 60_000;

/** Timers and listeners of one wait, ended together. */
class Waits {
  readonly #ends: (() => void)[] = [];

  timeout(ms: number): Promise<null> {
    return new Promise((resolve) => {
      const timer = systemTimers.after(ms, () => resolve(null));
      this.#ends.push(() => timer.cancel());
    });
  }

  /** Never without a signal. */
  abort(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      if (signal === undefined) return;
      if (signal.aborted) return resolve();
      const listener = (): void => resolve();
      signal.addEventListener('abort', listener, { once: true });
      this.#ends.push(() => signal.removeEventListener('abort', listener));
    });
  }

  end(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}

/** The twin's settings, and vLLM's, are not taken from whoever runs the tests. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('VLLM_')));
}

/** Children first to last, and theirs. Empty where the system does not tell. */
function descendantsOf(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of processNames()) {
    const entry = readProcessEntry(Number(name));
    if (entry !== null) parents.set(Number(name), entry.parentPid);
  }
  const found = [pid];
  for (const parent of found)
    for (const [child, itsParent] of parents) if (itsParent === parent) found.push(child);
  return found.slice(1);
}

function processNames(): readonly string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function sendKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone meanwhile.
  }
}
