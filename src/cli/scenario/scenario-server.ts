/** The server that a scenario is played on, as its runner has it: a child that is started, ended and started again. */

import type { StartedServer } from '../../frontend/frontend.ts';
import {
  Child,
  type ChildExit,
  describeExit,
  STOP_GRACE_MS,
  stopChildren,
} from '../../frontend/launch/child.ts';
import { isFailed, isStarted, type ServerFailed } from '../../frontend/scenario-server/messages.ts';
import type { EngineArgs } from '../../shared/config/registry.ts';
import { StartupError, TwinError } from '../../shared/errors.ts';
import type { Injection } from '../../shared/faults/injection.ts';
import { ownProgram } from '../../shared/own-files.ts';

/** Beyond what a server gives its own engines. */
const EXIT_GRACE_MS = 5_000;

export class ScenarioServer {
  readonly #startFaults: readonly Injection[];
  readonly #onEnd: (exit: ChildExit) => void;
  #args: EngineArgs;
  #child: Child | null = null;
  #isStopping = false;
  #hasServed = false;

  /** `onEnd` hears of every end that nobody asked for, once it has served. */
  constructor(
    args: EngineArgs,
    startFaults: readonly Injection[],
    onEnd: (exit: ChildExit) => void,
  ) {
    this.#args = args;
    this.#startFaults = startFaults;
    this.#onEnd = onEnd;
  }

  /** Resolves once it serves. Rejects where it ends before, in its own words where it has some. */
  start(): Promise<StartedServer> {
    const child = new Child(
      {
        name: 'server',
        modulePath: ownProgram('frontend/scenario-server/main'),
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
      let failure: ServerFailed | null = null;
      child.onMessage((message) => {
        if (isFailed(message)) failure = message;
        if (!isStarted(message)) return;
        this.#hasServed = true;
        const { address } = message;
        this.#keepPlace(address);
        resolve({ address, engines: new Map(message.engines) });
      });
      void child.exited.then((exit) => {
        if (this.#hasServed && !this.#isStopping) this.#onEnd(exit);
        reject(endedBeforeServing(exit, failure));
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

/** In the server's own words, where it had some. */
function endedBeforeServing(exit: ChildExit, failure: ServerFailed | null): TwinError {
  if (failure !== null) return new TwinError(failure.code, failure.message);
  const message = `the server ended with ${describeExit(exit)} before it served`;
  return new StartupError('E_SERVER_ENDED', message);
}
