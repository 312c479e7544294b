/** A server over its HTTP as what a scenario is played on. Loads are sent from this process, whichever server answers. */
import type { Clock } from '../shared/clock.ts';
import { findFault } from '../shared/faults/catalogue.ts';
import { type Injection, injectionRequest } from '../shared/faults/injection.ts';
import type { Timers } from '../shared/timers.ts';
import { beginHttpLoad } from './http-load.ts';
import type { Load } from './load.ts';
import type { ScenarioTarget } from './scenario-target.ts';
import { NoAnswerError, ServerConnection, type ServerPlace } from './server-connection.ts';

/** How long the twin's own API, /metrics and a path may take. */
export const ANSWER_MS = 10_000;

export interface HttpTargetOptions {
  readonly place: ServerPlace;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly restart: (() => Promise<void>) | null;
}

export class HttpTarget implements ScenarioTarget {
  readonly restart: (() => Promise<void>) | null;
  readonly #options: HttpTargetOptions;
  readonly #connection: ServerConnection;

  constructor(options: HttpTargetOptions) {
    this.#options = options;
    this.restart = options.restart;
    this.#connection = new ServerConnection(options.place);
  }

  async inject(injection: Injection): Promise<string | null> {
    const body = injectionRequest(injection);
    let answer: { readonly status: number; readonly text: string };
    try {
      const path = '/twin/api/faults';
      answer = await this.#connection.text({ method: 'POST', path, body, timeoutMs: ANSWER_MS });
    } catch (error) {
      // What ends a server may end it before it has answered.
      if (error instanceof NoAnswerError && endsServer(injection)) return null;
      throw error;
    }
    const value = jsonOf(answer.text);
    if (answer.status === 201) return typeof value.handle === 'string' ? value.handle : null;
    throw new Error(value.error?.message ?? `status ${answer.status}`);
  }

  async clear(handle: string): Promise<void> {
    const path = `/twin/api/faults/${handle}`;
    await this.#connection.text({ method: 'DELETE', path, timeoutMs: ANSWER_MS });
  }

  async load(load: Load): Promise<() => Promise<void>> {
    const runner = beginHttpLoad(load, this.#options);
    return () => runner.stop();
  }

  async scrape(): Promise<string> {
    const path = '/metrics';
    const { status, text } = await this.#connection.text({
      method: 'GET',
      path,
      timeoutMs: ANSWER_MS,
    });
    if (status !== 200) throw new Error(`/metrics answers ${status}`);
    return text;
  }

  async status(path: string): Promise<number | null> {
    try {
      const answer = await this.#connection.text({ method: 'GET', path, timeoutMs: ANSWER_MS });
      return answer.status;
    } catch (error) {
      if (error instanceof NoAnswerError) return null;
      throw error;
    }
  }

  close(): void {
    this.#connection.close();
  }
}

function endsServer({ fault }: Injection): boolean {
  return findFault(fault)?.endsServer === true;
}

interface FaultAnswer {
  readonly handle?: unknown;
  readonly error?: { readonly message?: string };
}

function jsonOf(text: string): FaultAnswer {
  try {
    return JSON.parse(text) as FaultAnswer;
  } catch {
    return {};
  }
}
