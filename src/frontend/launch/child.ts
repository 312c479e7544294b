/**
 * A child process of the frontend: started, watched, and ended for certain. Its stderr is passed on, and its last line
 * kept, so that a child that fails while starting can be quoted.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';

export interface ChildCommand {
  /** vLLM's name of the process: `EngineCore_DP0`, `DPCoordinator`. */
  readonly name: string;
  readonly modulePath: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** In a process group of its own, so that a terminal's Ctrl-C is for its parent to pass on. */
  readonly isDetached?: boolean;
}

export interface ChildExit {
  /** vLLM's name of the process. */
  readonly name: string;
  /** Null where a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lastLogLine: string | null;
}

/** What a process gets to end by itself, besides --shutdown-timeout. Source: vllm/v1/utils.py shutdown. */
export const STOP_GRACE_MS = 5_000;

/** Longest part of a log line that is kept for a message. */
const MAX_LOG_LINE_LENGTH = 2_000;

export class Child {
  readonly name: string;
  /** Resolves when the process is gone and its stderr has been read to the end. */
  readonly exited: Promise<ChildExit>;
  /** Resolves when the process is gone: of several, in the order in which they went. */
  readonly ended: Promise<void>;
  readonly #process: ChildProcess;
  #hasExited = false;
  #lastLogLine: string | null = null;

  constructor(command: ChildCommand, onLogLine: (line: string) => void) {
    this.name = command.name;
    this.#process = spawn(process.execPath, [command.modulePath, ...command.args], {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      env: command.env,
      detached: command.isDetached ?? false,
      // An engine's 64-bit ids survive neither JSON nor need it: only plain start-up messages travel here.
      serialization: 'json',
    });
    this.#readLogLines((line) => {
      this.#lastLogLine = line.slice(0, MAX_LOG_LINE_LENGTH);
      onLogLine(line);
    });
    this.ended = new Promise((resolve) => {
      this.#process.once('exit', () => resolve());
      this.#process.once('error', () => resolve());
    });
    this.exited = new Promise((resolve) => {
      const finish = (exitCode: number | null, signal: NodeJS.Signals | null): void => {
        this.#hasExited = true;
        resolve({ name: this.name, exitCode, signal, lastLogLine: this.#lastLogLine });
      };
      this.#process.once('close', finish);
      this.#process.once('error', (error) => {
        this.#lastLogLine ??= error.message;
        if (this.#process.pid === undefined) finish(null, null);
      });
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  onMessage(handler: (message: unknown) => void): void {
    this.#process.on('message', handler);
  }

  /** Plain data, as JSON has it. */
  send(message: object): void {
    // A child that is gone tells so by its end.
    this.#process.send(message, () => {});
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#hasExited) this.#process.kill(signal);
  }

  #readLogLines(onLine: (line: string) => void): void {
    let rest = '';
    this.#process.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    });
    this.#process.stderr?.on('end', () => {
      if (rest !== '') onLine(rest);
    });
  }
}

/** SIGTERM to all, then SIGKILL to those still there after `graceMs`. Resolves when all are gone. */
export async function stopChildren(children: readonly Child[], graceMs: number): Promise<void> {
  for (const child of children) child.signal('SIGTERM');
  const allExited = Promise.all(children.map(({ exited }) => exited));
  const timer = setTimeout(() => {
    for (const child of children) child.signal('SIGKILL');
  }, graceMs);
  await allExited;
  clearTimeout(timer);
}

/** What a child's end is called: `exit code 1`, `signal SIGKILL`. */
export function describeExit({ exitCode, signal }: Pick<ChildExit, 'exitCode' | 'signal'>): string {
  return signal === null ? `exit code ${exitCode}` : `signal ${signal}`;
}

/** Python's exit code of it, which is negative for a signal: `{'EngineCore_DP1': -9}` is what vLLM prints. */
export function pythonExitCode({
  exitCode,
  signal,
}: Pick<ChildExit, 'exitCode' | 'signal'>): number {
  return signal === null ? (exitCode ?? 1) : -constants.signals[signal];
}
