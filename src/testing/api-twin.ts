/** What a test does to a running twin, over the twin's own HTTP API; how it is started and ended is not known here. */
import { ServerError } from '../shared/errors.ts';
import type { ActiveFault, InjectedFault } from '../shared/faults/fault-api.ts';
import { isJsonObject, type JsonObject } from '../shared/json-object.ts';
import type { FrameLine } from '../shared/tap/frame-line.ts';
import { systemTimers } from '../shared/timers.ts';
import type { TwinState } from '../shared/twin-api/state.ts';
import type { FaultCalls } from './engine-of.ts';
import { faultHandle } from './fault-handle.ts';
import { loadBody } from './load-body.ts';
import { Metrics } from './metrics.ts';
import type { FaultHandle, FaultRequest, LoadHandle, LoadRequest, LoadResult } from './twin.ts';
import { type TwinClient, TwinRequestError } from './twin-client.ts';

/** Frames asked for at a time. */
const FRAMES_PER_ANSWER = 5_000;
/** Between two looks at a load. */
const LOAD_POLL_MS = 100;

export class TwinApi implements FaultCalls {
  readonly #client: TwinClient;

  constructor(client: TwinClient) {
    this.#client = client;
  }

  async inject(fault: FaultRequest): Promise<FaultHandle> {
    const answer = (await this.#client.ask('POST', 'faults', fault)) as InjectedFault;
    return faultHandle(answer, (handle) => this.clear(handle));
  }

  async load(load: LoadRequest): Promise<LoadHandle> {
    const answer = objectOf(await this.#client.ask('POST', 'load', loadBody(load)));
    const handle = String(answer['handle']);
    const stop = (): Promise<void> => this.#delete(`load/${handle}`);
    return {
      handle,
      progress: async () => resultOf(await this.#loadOf(handle)),
      done: () => this.#loadDone(handle),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  }

  async metrics(): Promise<Metrics> {
    const { status, text } = await this.#client.send('GET', '/metrics');
    if (status === 200) return new Metrics(text);
    throw new ServerError(
      'E_UNAVAILABLE',
      `GET /metrics answered ${status}: ${text.slice(0, 200)}`,
    );
  }

  async frames(): Promise<readonly FrameLine[]> {
    const frames: FrameLine[] = [];
    for (;;) {
      const since = frames.at(-1)?.n ?? 0;
      const lines = await this.#client.send(
        'GET',
        `/twin/api/frames?since=${since}&limit=${FRAMES_PER_ANSWER}`,
      );
      const more = lines.text.split('\n').filter((line) => line !== '');
      if (more.length === 0) return frames;
      for (const line of more) frames.push(JSON.parse(line) as FrameLine);
    }
  }

  async state(): Promise<TwinState> {
    return (await this.#client.ask('GET', 'state')) as TwinState;
  }

  async health(): Promise<number | null> {
    try {
      return (await this.#client.send('GET', '/health')).status;
    } catch {
      return null;
    }
  }

  async activeFaults(): Promise<readonly ActiveFault[]> {
    const answer = await this.#client.ask('GET', 'faults/active');
    return (answer as { readonly active: readonly ActiveFault[] }).active;
  }

  clear(handle: string): Promise<void> {
    return this.#delete(`faults/${handle}`);
  }

  async #loadDone(handle: string): Promise<LoadResult> {
    for (;;) {
      const load = await this.#loadOf(handle);
      if (load['state'] !== 'running') return resultOf(load);
      await systemTimers.pause(LOAD_POLL_MS);
    }
  }

  async #loadOf(handle: string): Promise<JsonObject> {
    const { loads } = objectOf(await this.#client.ask('GET', 'load'));
    const load = listOf(loads).find((one) => one['handle'] === handle);
    if (load !== undefined) return load;
    throw new ServerError('E_UNAVAILABLE', `the twin knows no load ${handle} any more`);
  }

  /** What is over already is none the worse for it. */
  async #delete(path: string): Promise<void> {
    try {
      await this.#client.ask('DELETE', path);
    } catch (error) {
      if (!(error instanceof TwinRequestError && error.httpStatus === 404)) throw error;
    }
  }
}

function resultOf(load: JsonObject): LoadResult {
  const { sent, finished, failed, aborted } = load;
  return {
    sent: Number(sent),
    finished: Number(finished),
    failed: Number(failed),
    aborted: Number(aborted),
  };
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

function listOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}
