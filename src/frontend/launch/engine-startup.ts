/**
 * The frontend's half of the start-up handshake without its sockets: what each engine has said so far, and whether the
 * next message is one that vLLM would accept. launch.ts feeds it decoded messages and sends what it asks for.
 * Source: vllm/v1/engine/utils.py wait_for_engine_startup, CoreEngineState (0.33.0).
 */
import { StartupError } from '../../shared/errors.ts';
import type { HandshakeMessage } from '../../shared/protocol/handshake.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { EngineToHandshake } from './parallel-plan.ts';

export type CoreEngineState = 'NEW' | 'CONNECTED' | 'READY';

/** What the caller does next: answer HELLO with the addresses, or nothing. */
export type StartupAction = 'send-init' | 'none';

export interface EngineStartupOptions {
  readonly engines: readonly EngineToHandshake[];
  /** False with hybrid and external load balancing, where each rank has a frontend of its own. */
  readonly remoteShouldBeHeadless: boolean;
  /** Data-parallel MoE: READY must carry the same hash. */
  readonly expectsParallelConfigHash: boolean;
  /** This frontend's own hash; null where it has none and the first engine's counts. */
  readonly parallelConfigHash: string | null;
}

interface PlaceCounts {
  readonly local: number;
  readonly remote: number;
}

interface EngineEntry {
  readonly local: boolean;
  state: CoreEngineState;
}

export class EngineStartup {
  readonly #engines: Map<EngineIndex, EngineEntry>;
  readonly #options: EngineStartupOptions;
  #expectedHash: string | null;

  constructor(options: EngineStartupOptions) {
    this.#options = options;
    this.#engines = new Map(
      options.engines.map(({ index, local }) => [index, { local, state: 'NEW' }]),
    );
    this.#expectedHash = options.parallelConfigHash;
  }

  get isComplete(): boolean {
    for (const { state } of this.#engines.values()) if (state !== 'READY') return false;
    return true;
  }

  getState(index: EngineIndex): CoreEngineState | null {
    return this.#engines.get(index)?.state ?? null;
  }

  /** One message of the engine with that identity. Throws E_HANDSHAKE with vLLM's words where it breaks the rules. */
  receive(index: EngineIndex | bigint, message: HandshakeMessage): StartupAction {
    const engine = typeof index === 'bigint' ? undefined : this.#engines.get(index);
    if (engine === undefined || typeof index === 'bigint') {
      throw broken(`Message from engine with unexpected data parallel rank: ${index}`);
    }
    this.#checkPlace(index, engine, message);
    if (message.status === 'HELLO' && engine.state === 'NEW') {
      engine.state = 'CONNECTED';
      return 'send-init';
    }
    if (message.status === 'READY' && engine.state === 'CONNECTED') {
      this.#checkHash(index, message);
      engine.state = 'READY';
      return 'none';
    }
    throw broken(
      `Unexpected ${message.status} message for ${placeWord(message.local)} engine ${index} in CoreEngineState.${engine.state} state.`,
    );
  }

  /** How many have not connected, and how many have and are not ready: local ones, remote ones. */
  get pending(): { readonly connect: PlaceCounts; readonly start: PlaceCounts } {
    const pending = { connect: { local: 0, remote: 0 }, start: { local: 0, remote: 0 } };
    for (const { local, state } of this.#engines.values()) {
      if (state === 'READY') continue;
      pending[state === 'NEW' ? 'connect' : 'start'][local ? 'local' : 'remote'] += 1;
    }
    return pending;
  }

  /** The ranks that are not READY, by state: `rank 1 (remote) has not connected; rank 0 (local) is starting`. */
  describeMissing(): string {
    const parts: string[] = [];
    for (const [index, { local, state }] of this.#engines) {
      if (state === 'READY') continue;
      const what = state === 'NEW' ? 'has not connected' : 'has connected but is not ready';
      parts.push(`rank ${index} (${placeWord(local)}) ${what}`);
    }
    return parts.join('; ');
  }

  #checkPlace(
    index: EngineIndex,
    engine: EngineEntry,
    { status, local, headless }: HandshakeMessage,
  ): void {
    if (local !== engine.local) {
      throw broken(
        `${status} message from ${placeWord(local)} engine ${index}, expected it to be ${placeWord(engine.local)}`,
      );
    }
    if (local || headless === this.#options.remoteShouldBeHeadless) return;
    throw broken(
      headless
        ? `Remote engine ${index} must not use --headless in external or hybrid dp lb mode`
        : `Remote engine ${index} must use --headless unless in external or hybrid dp lb mode`,
    );
  }

  #checkHash(index: EngineIndex, message: HandshakeMessage): void {
    if (!this.#options.expectsParallelConfigHash) return;
    const hash = message.parallelConfigHash ?? null;
    this.#expectedHash ??= hash;
    if (hash !== null && hash === this.#expectedHash) return;
    throw broken(
      `Configuration mismatch detected for engine ${index}. All DP workers must have identical configurations for ` +
        'parameters that affect collective communication (e.g., enable_eplb, eplb_config.log_balancedness). ' +
        `Worker hash: ${hash ?? 'None'}, Expected hash: ${this.#expectedHash ?? 'None'}. ` +
        'Please ensure all workers are started with the same command-line arguments.',
    );
  }
}

function placeWord(local: boolean): string {
  return local ? 'local' : 'remote';
}

function broken(message: string): StartupError {
  return new StartupError('E_HANDSHAKE', message);
}
