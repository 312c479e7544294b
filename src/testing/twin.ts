/** A running twin as a test sees it: types only. */
import type { FrameLine } from '../shared/tap/frame-line.ts';
import type { TwinState } from '../shared/twin-api/state.ts';
import type { Metrics } from './metrics.ts';
import type { Exit } from './server-process.ts';

/** A twin of its own for a test. `await using` stops it; plain JavaScript uses `try … finally { await twin.stop() }`. */
export interface Twin extends AsyncDisposable {
  /** Where it listens: `http://127.0.0.1:40123`, or `unix:/path`. */
  readonly url: string;
  /** By rank. */
  readonly engines: readonly TwinEngine[];

  /**
   * Makes something fail, until `for` is over or the handle is cleared; docs/reference/faults.md lists what can, and
   * its parameters stand beside the others: `inject({ fault: 'engine.slow', engine: 1, factor: 4, for: '30s' })`.
   * Throws TwinRequestError, with `param` and `allowed`, for what the catalogue does not take.
   */
  inject(fault: FaultRequest): Promise<FaultHandle>;
  /** Sends requests at a rate, until `for` is over or the handle is stopped. */
  load(load: LoadRequest): Promise<LoadHandle>;
  /** A scrape of /metrics. */
  metrics(): Promise<Metrics>;
  /** The frames that the processes keep, in the order in which they went: `tap: 10_000` keeps the latest 10,000. */
  frames(): Promise<readonly FrameLine[]>;
  /** What `GET /twin/api/state` answers. */
  state(): Promise<TwinState>;
  /** The status of `GET /health`; null where nobody answers. */
  health(): Promise<number | null>;

  /**
   * In-process: lets so much virtual time pass, `'5m'` or milliseconds, and all that happens in it. Requests progress by it
   * alone, those of this process that have been sent included. Throws in processes, where time is real.
   */
  advance(duration: string | number): Promise<void>;
  /** Lets so much of its time pass, `'5s'` or milliseconds: real time, or in-process as `advance` does. */
  wait(duration: string | number): Promise<void>;

  /** The last lines of its log, oldest first, of all its processes. */
  log(): readonly string[];
  /** How it ended; null while it runs. */
  readonly exit: Exit | null;
  /** Resolves when it has ended, by itself or not, with all its processes. */
  waitForExit(): Promise<Exit>;
  /** Ends it, and resolves when all of it is gone. To be called again does nothing. */
  stop(): Promise<Exit>;
}

export interface TwinEngine {
  readonly rank: number;
  readonly capacity: EngineCapacity;
  /** SIGKILL, as the kernel's out-of-memory killer: `engine.kill`. Resolves once it is on its way. */
  kill(): Promise<void>;
  /** Lets it take no step any more, while it still answers: `engine.hang`. Until `resume`, or for so long. */
  hang(options?: { readonly for?: string | number }): Promise<FaultHandle>;
  /** Ends what `hang` began; does nothing where nothing hangs. */
  resume(): Promise<void>;
}

/** What an engine said of itself when it started; never another engine's, and never a sum. */
export interface EngineCapacity {
  readonly gpu: string | null;
  readonly numGpuBlocks: number;
  /** Tokens. */
  readonly blockSize: number;
  readonly maxModelLen: number;
  /** Null where the engine does not say. */
  readonly kvCacheSizeTokens: number | null;
  /** Requests of `maxModelLen` tokens at a time; null where the engine does not say. */
  readonly kvCacheMaxConcurrency: number | null;
}

/** A fault with its parameters flat beside it. */
export interface FaultRequest {
  /** Its id: `engine.hang`. */
  readonly fault: string;
  /** The rank that it is for; every engine where it is left out, for faults of engines. */
  readonly engine?: number;
  /** `'30s'`, or milliseconds; until it is cleared where it is left out. */
  readonly for?: string | number;
  readonly [parameter: string]: unknown;
}

/** A fault that is active, or was. */
export interface FaultHandle extends AsyncDisposable {
  /** The twin's name of it: `f1`. */
  readonly handle: string;
  readonly fault: string;
  readonly engine: number | null;
  /** With their defaults. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Ends it; does nothing where it is over. */
  clear(): Promise<void>;
}

/** Tokens of a request: as many, or a distribution. */
export type TokenLengths =
  | number
  | { readonly min: number; readonly max: number }
  | {
      readonly mean: number;
      readonly stddev: number;
      readonly min?: number;
      readonly max?: number;
    };

export interface LoadRequest {
  /** `'20/s'`, `'90/m'`, requests per second as a number, or a ramp. */
  readonly rate:
    | string
    | number
    | {
        readonly from: string | number;
        readonly to: string | number;
        readonly over: string | number;
      };
  /** `poisson` where it is left out. */
  readonly arrival?: 'constant' | 'poisson';
  /** 128 where it is left out. */
  readonly promptTokens?: TokenLengths;
  /** 128 where it is left out. */
  readonly outputTokens?: TokenLengths;
  /** Share of the prompt that all requests have in common, 0 to 1. */
  readonly sharedPrefix?: number;
  /** Requests at a time; what arrives beyond it waits. */
  readonly concurrency?: number;
  /** Share of requests that are cut off midway, 0 to 1. */
  readonly abort?: number;
  /** False: answers as a whole. */
  readonly stream?: boolean;
  /** `'30s'`, or milliseconds; until it is stopped where it is left out. */
  readonly for?: string | number;
  readonly seed?: number;
  /** The rank that all requests go to, by the header X-data-parallel-rank. */
  readonly engine?: number;
}

/** How many requests of a load have come to what. */
export interface LoadResult {
  readonly sent: number;
  readonly finished: number;
  readonly failed: number;
  readonly aborted: number;
}

/** A load that runs, or ran. */
export interface LoadHandle extends AsyncDisposable {
  /** The twin's name of it: `l1`. */
  readonly handle: string;
  /** How far it is. */
  progress(): Promise<LoadResult>;
  /** Resolves when it is over: nothing more is sent, and all that was sent is answered. Only for one with `for`. */
  done(): Promise<LoadResult>;
  /** Ends it; does nothing where it is over. */
  stop(): Promise<void>;
}
