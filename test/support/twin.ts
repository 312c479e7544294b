/**
 * Starts the built product as a user does, waits until it says where it listens, and ends it for certain.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
export const TINYMODEL = fileURLToPath(new URL('../golden/tinymodel', import.meta.url));
const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 15_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Twin {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  #log = '';
  readonly #process: ChildProcess;
  readonly #watchers = new Set<() => void>();

  constructor(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#process = spawn(process.execPath, [MAIN, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.pid = this.#process.pid ?? 0;
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
        for (const watcher of this.#watchers) watcher();
      });
    }
    this.exited = new Promise((resolve) => {
      this.#process.once('close', (code, signal) => resolve({ code, signal }));
    });
  }

  /** Everything that it has printed. */
  get log(): string {
    return this.#log;
  }

  /** The first match in what it prints; rejects when it ends first or the deadline passes. */
  waitForLog(pattern: RegExp, deadlineMs = START_DEADLINE_MS): Promise<RegExpExecArray> {
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
      void this.exited.then(() =>
        finish(() => reject(new Error(`it ended before it said ${pattern}:\n${this.#log}`))),
      );
      watcher();
    });
  }

  /** Where it listens, e.g. `http://127.0.0.1:40123`. */
  async url(): Promise<string> {
    const [, url = ''] = await this.waitForLog(/server on (http:\/\/\S+?)["\s]/);
    return url;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** SIGTERM, and SIGKILL where that does not end it in time. */
  async stop(): Promise<Exit> {
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), STOP_DEADLINE_MS);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }
}
