/**
 * A process under test: started, read line by line, waited for with a deadline, and ended for certain by its pid.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const LOG_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 15_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** With an IPC channel, as parents of engine cores have one. */
  readonly ipc?: boolean;
  readonly cwd?: string;
  /** With a standard input that `write` writes to. */
  readonly hasInput?: boolean;
}

export class RunningProcess {
  readonly pid: number;
  /** Resolves when it is gone and all that it printed has been read. */
  readonly exited: Promise<Exit>;
  #stdout = '';
  #log = '';
  #exit: Exit | null = null;
  readonly #process: ChildProcess;
  readonly #watchers = new Set<() => void>();

  constructor(command: string, words: readonly string[], options: ProcessOptions = {}) {
    this.#process = spawn(command, words, {
      stdio: [
        options.hasInput === true ? 'pipe' : 'ignore',
        'pipe',
        'pipe',
        ...(options.ipc === true ? (['ipc'] as const) : []),
      ],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.pid = this.#process.pid ?? 0;
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#onText(text);
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => this.#onText(text));
    this.exited = new Promise((resolve, reject) => {
      this.#process.once('error', reject);
      this.#process.once('close', (code, signal) => {
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
  }

  /** Everything that it has printed. */
  get log(): string {
    return this.#log;
  }

  get stdout(): string {
    return this.#stdout;
  }

  /** Null while it runs. */
  get exit(): Exit | null {
    return this.#exit;
  }

  /** The first match in what it prints; rejects when it ends first or the deadline passes. */
  waitForLog(pattern: RegExp, deadlineMs = LOG_DEADLINE_MS): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const finish = (act: () => void): void => {
        clearTimeout(timer);
        this.#watchers.delete(watcher);
        act();
      };
      const watcher = (): void => {
        const match = pattern.exec(this.#log);
        if (match !== null) finish(() => resolve(match));
      };
      const timer = setTimeout(
        () => finish(() => reject(new Error(`no ${pattern} in ${deadlineMs} ms:\n${this.#log}`))),
        deadlineMs,
      );
      this.#watchers.add(watcher);
      void this.exited.then(() => {
        watcher();
        finish(() => reject(new Error(`it ended before it said ${pattern}:\n${this.#log}`)));
      });
      watcher();
    });
  }

  /** How it ends; rejects where it is still there after the deadline. */
  async waitForExit(deadlineMs = STOP_DEADLINE_MS): Promise<Exit> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new Error(`still running after ${deadlineMs} ms:\n${this.#log}`)),
        deadlineMs,
      );
    });
    try {
      return await Promise.race([this.exited, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  write(text: string): void {
    this.#process.stdin?.write(text);
  }

  /** Closes the standard input that `hasInput` gave it. */
  endInput(): void {
    this.#process.stdin?.end();
  }

  /** Closes the IPC channel, as the death of the parent does. */
  disconnect(): void {
    this.#process.disconnect();
  }

  /** SIGTERM, and SIGKILL where that does not end it in time. */
  async stop(): Promise<Exit> {
    if (this.#exit !== null) return this.#exit;
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), STOP_DEADLINE_MS);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  #onText(text: string): void {
    this.#log += text;
    for (const watcher of this.#watchers) watcher();
  }
}

/** Whether it runs: what only waits to be reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/\) [ZX] /.test(stat);
  } catch {
    return false;
  }
}

/** The processes that a process has started and that are still there. */
export function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map(Number);
}

/** Those, what they have started, and so on. */
export function descendantsOf(pid: number): readonly number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}
