/**
 * What ends an engine-core process from outside: a signal, its parent's death, or a frontend that is gone. And how it ends
 * by itself without losing its last messages.
 * Source: vllm/v1/engine/core.py EngineCoreProc.run_engine_core (0.33.0).
 */
import type { Logger } from '../shared/logger.ts';
import { removePrivateDirectory } from '../shared/private-directory.ts';

/** How long an engine that lost its frontend waits for it to come back. */
const FRONTEND_LOST_MS = 3_000;
/** Longer than any socket lingers. */
const LAST_RESORT_MS = 6_000;

export class LifeLine {
  readonly #logger: Logger;
  readonly #onDisconnect: () => void;
  #isShutdownRequested = false;
  #requestShutdown: (() => void) | null = null;
  #numConnected = 0;
  #frontendLost: NodeJS.Timeout | null = null;
  #isEnding = false;

  /** `privateDirectory` is the parent's and goes with it; null where it has none. */
  constructor(logger: Logger, privateDirectory: string | null) {
    this.#logger = logger;
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.on(signal, () => this.#onSignal(signal));
    this.#onDisconnect = () => {
      logger.warn('The parent process is gone; the engine core ends too');
      if (privateDirectory !== null) removePrivateDirectory(privateDirectory);
      process.exit(1);
    };
    // A terminal that closes tells the parent too, which says what it means.
    process.on('SIGHUP', () => {});
    if (process.send === undefined) return;
    process.on('disconnect', this.#onDisconnect);
    // A parent that went before this process listened has closed the channel without its hearing of it.
    if (!process.connected) this.#onDisconnect();
  }

  /** The engine runs: from here on a signal lets it finish. */
  onShutdown(requestShutdown: () => void): void {
    this.#requestShutdown = requestShutdown;
    if (this.#isShutdownRequested) requestShutdown();
  }

  /** Ends the process when every API server has been gone for a while: an engine without a frontend serves nobody. */
  onConnection(isConnected: boolean): void {
    this.#numConnected += isConnected ? 1 : -1;
    if (this.#numConnected > 0) {
      if (this.#frontendLost !== null) clearTimeout(this.#frontendLost);
      this.#frontendLost = null;
    } else if (!isConnected && this.#frontendLost === null && !this.#isEnding) {
      this.#frontendLost = setTimeout(() => {
        const seconds = FRONTEND_LOST_MS / 1000;
        this.#logger.warn(`The frontend has been gone for ${seconds} s; the engine core ends too`);
        process.exit(1);
      }, FRONTEND_LOST_MS);
    }
  }

  /**
   * Lets the process run out of work, which delivers what its sockets still hold; process.exit would not. Its sockets are
   * closed by now.
   */
  end(exitCode: number): void {
    this.#isEnding = true;
    process.exitCode = exitCode;
    if (this.#frontendLost !== null) clearTimeout(this.#frontendLost);
    process.off('disconnect', this.#onDisconnect);
    if (process.connected) process.disconnect();
    setTimeout(() => process.exit(), LAST_RESORT_MS).unref();
  }

  #onSignal(signal: string): void {
    this.#logger.debug(`[shutdown] EngineCore: trigger received signal=${signal}`);
    this.#isShutdownRequested = true;
    // Nothing is lost before the engine runs.
    if (this.#requestShutdown === null) process.exit(0);
    this.#requestShutdown();
  }
}
