import type { Injection } from '../shared/faults/injection.ts';
import type { Load } from './load.ts';

/** What a scenario is played on: a server over HTTP, or one in this process on a virtual clock. */
export interface ScenarioTarget {
  /** The handle by which it can be ended; null where it is over at once. Rejects with why it is refused. */
  inject(injection: Injection): Promise<string | null>;
  /** Ends what `inject` has begun, where it is still there. */
  clear(handle: string): Promise<void>;
  /** Begins a load; gives what ends it. Rejects with why it is refused. */
  load(load: Load): Promise<() => Promise<void>>;
  /** The text of /metrics. Rejects where nobody answers, or with another status than 200. */
  scrape(): Promise<string>;
  /** The status of a path; null where nobody answers. */
  status(path: string): Promise<number | null>;
  /** Ends the server and starts it again; resolves once it is healthy. Null where whoever plays has not started it. */
  readonly restart: (() => Promise<void>) | null;
}
