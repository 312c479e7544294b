/** The server that a scenario is played on, as its runner has it: a child that is started, ended and started again. */
import {
  Child,
  type ChildExit,
  describeExit,
  STOP_GRACE_MS,
  stopChildren,
} from '../../frontend/launch/child.ts';
import type { StartedServer } from '../../frontend/main.ts';
import { isStarted } from '../../frontend/scenario-server/messages.ts';
import type { EngineArgs } from '../../shared/config/registry.ts';
import { StartupError } from '../../shared/errors.ts';
import type { Injection } from '../../shared/faults/injection.ts';
import { ownFile } from '../../shared/own-files.ts';

/** Beyond what a server gives its own engines. */
const EXIT_GRACE_MS = 5_000;

export class ScenarioServer {
  readonly #startFaults: readonly Injection[];
  readonly #onEnd: (exit: ChildExit) => void;
  #args: EngineArgs;
  #child: Child | null = null;
  #isStopping = false;

  /** `onEnd` hears of every end that nobody asked for. */
  constructor(
    args: EngineArgs,
    startFaults: readonly Injection[],
    onEnd: (exit: ChildExit) => void,
  ) {
    this.#args = args;
    this.#startFaults = startFaults;
    this.#onEnd = onEnd;
  }

  /** Resolves once it serves. Rejects with E_ENGINE_EXITED where it ends before; its own words are in the log. */
  start(): Promise<StartedServer> {
    const child = new Child(
      {
        name: 'server',
        modulePath: ownFile('frontend/scenario-server/main.js'),
        args: [],
        env: process.env,
        isDetached: true,
      },
      (line) => process.stderr.write(`${line}\n`),
    );
    this.#child = child;
    this.#isStopping = false;
    child.send({ args: this.#args, startFaults: this.#startFaults });
    return new Promise((resolve, reject) => {
      let isServing = false;
      child.onMessage((message) => {
        if (!isStarted(message)) return;
        isServing = true;
        const { address } = message;
        this.#keepPlace(address);
        resolve({ address, engines: new Map(message.engines) });
      });
      void child.exited.then((exit) => {
        if (isServing && !this.#isStopping) this.#onEnd(exit);
        reject(new ServerEndedError(exit));
      });
    });
  }

  /** Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#child === null) return;
    const graceMs = this.#args.shutdownTimeout * 1000 + STOP_GRACE_MS + EXIT_GRACE_MS;
    await stopChildren([this.#child], graceMs);
  }

  kill(): void {
    this.#isStopping = true;
    this.#child?.signal('SIGKILL');
  }

  /** Who has found it finds it again after a restart, at a random port too. */
  #keepPlace(address: string): void {
    const port = /:(\d+)$/.exec(address)?.[1];
    if (this.#args.uds === null && port !== undefined)
      this.#args = Object.freeze({ ...this.#args, port: Number(port) });
  }
}

/** It ended before it served. */
export class ServerEndedError extends StartupError {
  readonly exitCode: number;

  constructor(exit: ChildExit) {
    super('E_ENGINE_EXITED', `the server ended with ${describeExit(exit)} before it served`);
    this.exitCode = exit.exitCode ?? 1;
  }
}
