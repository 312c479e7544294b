/** An engine core in a simulation: the same start and the same busy loop as in a process of its own. */
import type { EngineCore } from '../engine-core/engine-core.ts';
import { type RunningEngine, serveUntilDone, startEngine } from '../engine-core/start-engine.ts';
import { InlineCompiler } from '../engine-core/structured-output/inline-compiler.ts';
import type { ReportingChild } from '../frontend/launch/report-order.ts';
import type { EngineProcessConfig } from '../shared/config/engine-process-config.ts';
import type { Logger } from '../shared/logger.ts';
import type { WireCodec } from '../shared/protocol/wire-codec.ts';
import { Tap } from '../shared/tap/tap.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { VirtualTime } from './virtual-time.ts';

/** How its process ended, as its parent is told: a code, or the signal that ended it. */
export interface EngineExit {
  readonly exitCode: number | null;
  readonly signal: 'SIGKILL' | null;
}

export interface SimulatedEngineOptions {
  readonly config: EngineProcessConfig;
  readonly process: SimulatedProcess;
  readonly time: VirtualTime;
  readonly codec: WireCodec;
  readonly logger: Logger;
  /** Called once, in a turn of its own. */
  readonly onExit: (exit: EngineExit) => void;
}

/** An engine as its launcher has it: what the two tell each other goes no way over sockets. */
export class SimulatedEngine implements ReportingChild {
  /** Resolves with its process's end. */
  readonly ended: Promise<void>;
  readonly #options: SimulatedEngineOptions;
  #running: RunningEngine | null = null;
  #hasExited = false;
  #noteEnd: () => void = () => {};
  #toParent: (message: unknown) => void = () => {};
  #toEngine: (message: unknown) => void = () => {};

  constructor(options: SimulatedEngineOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#noteEnd = resolve;
    });
  }

  onMessage(handler: (message: unknown) => void): void {
    this.#toParent = handler;
  }

  send(message: object): void {
    this.#options.time.soon(() => this.#toEngine(message));
  }

  /** The engine inside; null until it has said READY. */
  get core(): EngineCore | null {
    return this.#running?.core ?? null;
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** Starts and runs it until its process ends. Rejects with what breaks the start. */
  async run(): Promise<void> {
    const { config, process, time, codec, logger } = this.#options;
    const name = `EngineCore_DP${config.rank}`;
    this.#running = await startEngine(config, {
      transport: process.transport,
      codec,
      clock: time,
      timers: process,
      logger,
      tap: new Tap({ clock: time, process: name }),
      gate: null,
      createGrammarCompiler: async (folder) => new InlineCompiler(folder, process),
      onConnection: () => {},
      reportChannel: {
        send: (message) => {
          time.soon(() => this.#toParent(message));
          return true;
        },
        on: (_event, listener) => {
          this.#toEngine = listener;
        },
      },
      ending: {
        kill: () => this.kill(),
        exit: (exitCode) => this.#exit({ exitCode, signal: null }),
      },
    });
    const exitCode = await serveUntilDone(this.#running, logger);
    this.#exit({ exitCode, signal: null });
  }

  kill(): void {
    this.#exit({ exitCode: null, signal: 'SIGKILL' });
  }

  #exit(exit: EngineExit): void {
    if (this.#hasExited) return;
    this.#hasExited = true;
    const { process, time, onExit } = this.#options;
    process.end();
    this.#noteEnd();
    time.soon(() => onExit(exit));
  }
}
