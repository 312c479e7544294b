/** A little load: when requests are due and what they are; who sends them is handed in. */
import { reasonOf } from '../reason-of.ts';

/** Requests at once, those that wait for a connection included; what is due beyond them is skipped and counted. */
export const MAX_IN_FLIGHT = 64;
/**
 * A browser opens six connections to a server, and the page needs some of them to look at what comes of the load. So
 * requests that are due while these are taken wait, and travel together as one completion with several prompts.
 */
export const MAX_CONNECTIONS = 2;
/** Of all prompts of one completion; a single one may have more. */
const MAX_TOKENS_AT_ONCE = 100_000;

export interface LoadSettings {
  /** Requests a second. */
  readonly rate: number;
  /** Tokens. */
  readonly promptLength: number;
  readonly outputLength: number;
  /** Tokens at the beginning that all prompts have in common. */
  readonly sharedPrefix: number;
}

export const LOAD_LIMITS = {
  rate: { min: 0.1, max: 50 },
  promptLength: { min: 1, max: 32_768 },
  outputLength: { min: 1, max: 4_096 },
  sharedPrefix: { min: 0, max: 32_768 },
} as const satisfies Record<keyof LoadSettings, { readonly min: number; readonly max: number }>;

/** What is wrong with the settings, naming field, value and limits; null where nothing is. */
export function checkLoad(settings: LoadSettings): string | null {
  const words = {
    rate: 'rate',
    promptLength: 'prompt length',
    outputLength: 'output length',
    sharedPrefix: 'shared prefix',
  };
  for (const key of Object.keys(words) as (keyof LoadSettings)[]) {
    const { min, max } = LOAD_LIMITS[key];
    const value = settings[key];
    const isWhole = key === 'rate' || Number.isInteger(value);
    if (!(value >= min && value <= max) || !isWhole) {
      return `${words[key]} is ${value}: give ${key === 'rate' ? 'a number' : 'a whole number'} from ${min} to ${max.toLocaleString('en-US')}.`;
    }
  }
  if (settings.sharedPrefix > settings.promptLength) {
    return `shared prefix is ${settings.sharedPrefix}: the prompt has only ${settings.promptLength} tokens.`;
  }
  return null;
}

export interface LoadCounts {
  /** Due, and not sent yet. */
  readonly waiting: number;
  readonly sent: number;
  readonly inFlight: number;
  readonly finished: number;
  readonly failed: number;
  /** Were under way when the load was stopped. */
  readonly givenUp: number;
  /** Were due while `MAX_IN_FLIGHT` were under way or waited. */
  readonly skipped: number;
  /** What the last failure said. */
  readonly lastError: string | null;
}

export interface Load {
  counts(): LoadCounts;
  /** Sends what is due at `now`, in milliseconds of any one clock. */
  turn(now: number): void;
  /** Nothing is sent any more, and what is under way is given up. */
  stop(): void;
}

/** `send` gives up when its signal says so; it throws where the requests failed. */
export function createLoad(
  settings: LoadSettings,
  startedAt: number,
  send: (prompts: readonly (readonly number[])[], signal: AbortSignal) => Promise<void>,
): Load {
  const abort = new AbortController();
  const maxAtOnce = Math.max(1, Math.floor(MAX_TOKENS_AT_ONCE / settings.promptLength));
  const counts = { waiting: 0, sent: 0, finished: 0, failed: 0, givenUp: 0, skipped: 0 };
  let numDue = 0;
  let numConnections = 0;
  let lastError: string | null = null;
  const inFlight = (): number => counts.sent - counts.finished - counts.failed - counts.givenUp;

  async function sendTogether(number: number): Promise<void> {
    const first = counts.sent;
    counts.waiting -= number;
    counts.sent += number;
    numConnections++;
    try {
      const prompts = Array.from({ length: number }, (_, at) => promptOf(settings, first + at));
      await send(prompts, abort.signal);
      counts.finished += number;
    } catch (error) {
      if (abort.signal.aborted) counts.givenUp += number;
      else {
        counts.failed += number;
        lastError = reasonOf(error);
      }
    } finally {
      numConnections--;
    }
  }

  return {
    counts: () => ({ ...counts, inFlight: inFlight(), lastError }),
    turn(now) {
      if (abort.signal.aborted) return;
      // The first is due at once.
      const due = Math.floor(((now - startedAt) / 1000) * settings.rate) + 1;
      const room = Math.max(0, MAX_IN_FLIGHT - inFlight() - counts.waiting);
      const taken = Math.min(due - numDue, room);
      counts.skipped += due - numDue - taken;
      counts.waiting += taken;
      numDue = due;
      while (counts.waiting > 0 && numConnections < MAX_CONNECTIONS) {
        void sendTogether(Math.min(counts.waiting, maxAtOnce));
      }
    },
    stop() {
      abort.abort();
      counts.givenUp += counts.waiting;
      counts.sent += counts.waiting;
      counts.waiting = 0;
    },
  };
}

/** Token ids that are alike up to the shared prefix and unlike from there on; small ones, which every vocabulary has. */
export function promptOf({ promptLength, sharedPrefix }: LoadSettings, number: number): number[] {
  const FIRST = 100;
  const SPREAD = 151;
  return Array.from({ length: promptLength }, (_, at) =>
    at < sharedPrefix
      ? FIRST + ((at * 31) % SPREAD)
      : FIRST + (((number + 1) * 7_919 + at * 13 + ((number * at) % 97)) % SPREAD),
  );
}
