/** A twin of real processes. */
import { ConfigError } from '../shared/errors.ts';
import { systemTimers } from '../shared/timers.ts';
import { TwinApi } from './api-twin.ts';
import { engineOf } from './engine-of.ts';
import { type Exit, ServerProcess } from './server-process.ts';
import type { Twin, TwinEngine } from './twin.ts';
import { TwinClient } from './twin-client.ts';
import { durationOf, type ProcessOptions, timeoutOf, wordsOf } from './twin-options.ts';

const START_TIMEOUT_MS = 60_000;
/** Above what the server itself gives its engines. */
const STOP_TIMEOUT_MS = 15_000;

/** Resolves when it listens and its engines are known. Throws TwinStartError, having left nothing behind. */
export async function startProcessTwin(options: ProcessOptions): Promise<Twin> {
  const words = wordsOf(options);
  const startTimeoutMs = timeoutOf(options, 'startTimeout', START_TIMEOUT_MS);
  const stopTimeoutMs = timeoutOf(options, 'stopTimeout', STOP_TIMEOUT_MS);
  const server = new ServerProcess({ words, env: options.env ?? {} });
  const url = await server.waitForAddress(startTimeoutMs, options.signal);
  const [apiKey = null] = options.apiKey ?? [];
  const api = new TwinApi(new TwinClient(url, apiKey));
  try {
    const { engines } = await api.state();
    const twin = new ProcessTwin(
      { url, api, server, stopTimeoutMs },
      engines.map((engine) => engineOf(api, engine)),
    );
    server.release();
    if (options.signal?.aborted === true) await twin.stop();
    options.signal?.addEventListener('abort', () => void twin.stop(), { once: true });
    return twin;
  } catch (error) {
    await server.kill();
    throw error;
  }
}

interface ProcessTwinParts {
  readonly url: string;
  readonly api: TwinApi;
  readonly server: ServerProcess;
  readonly stopTimeoutMs: number;
}

class ProcessTwin implements Twin {
  readonly url: string;
  readonly engines: readonly TwinEngine[];
  readonly inject: Twin['inject'];
  readonly load: Twin['load'];
  readonly metrics: Twin['metrics'];
  readonly frames: Twin['frames'];
  readonly state: Twin['state'];
  readonly health: Twin['health'];
  readonly #parts: ProcessTwinParts;

  constructor(parts: ProcessTwinParts, engines: readonly TwinEngine[]) {
    const { url, api } = parts;
    this.#parts = parts;
    this.url = url;
    this.engines = engines;
    this.inject = (fault) => api.inject(fault);
    this.load = (load) => api.load(load);
    this.metrics = () => api.metrics();
    this.frames = () => api.frames();
    this.state = () => api.state();
    this.health = () => api.health();
  }

  wait(duration: string | number): Promise<void> {
    const ms = durationOf(duration, 'wait');
    return systemTimers.pause(ms);
  }

  advance(): Promise<void> {
    throw new ConfigError(
      'E_BAD_FLAG',
      "advance is for a twin in mode 'in-process': in processes time is real, and `wait` waits",
    );
  }

  log(): readonly string[] {
    return this.#parts.server.log.last();
  }

  get exit(): Exit | null {
    return this.#parts.server.exit;
  }

  waitForExit(): Promise<Exit> {
    return this.#parts.server.waitForExit();
  }

  stop(): Promise<Exit> {
    return this.#parts.server.stop(this.#parts.stopTimeoutMs);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop().then(() => {});
  }
}
