/** A little load: when requests are due and what they are; who sends them is handed in. */

/** Requests at once; a request that is due beyond them is skipped and counted, not queued. */
export const MAX_IN_FLIGHT = 64;
/** Requests sent in one turn, however long the last turn is past (a tab in the background sleeps). */
const MAX_PER_TURN = 32;

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
  readonly sent: number;
  readonly inFlight: number;
  readonly finished: number;
  readonly failed: number;
  /** Were under way when the load was stopped. */
  readonly givenUp: number;
  /** Were due while `MAX_IN_FLIGHT` were under way. */
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

/** `send` gives up when its signal says so; it throws where the request failed. */
export function createLoad(
  settings: LoadSettings,
  startedAt: number,
  send: (prompt: readonly number[], signal: AbortSignal) => Promise<void>,
): Load {
  const abort = new AbortController();
  let numDue = 0;
  let sent = 0;
  let finished = 0;
  let failed = 0;
  let givenUp = 0;
  let skipped = 0;
  let lastError: string | null = null;
  const inFlight = (): number => sent - finished - failed - givenUp;

  async function sendOne(): Promise<void> {
    const prompt = promptOf(settings, sent++);
    try {
      await send(prompt, abort.signal);
      finished++;
    } catch (error) {
      if (abort.signal.aborted) {
        givenUp++;
        return;
      }
      failed++;
      lastError = error instanceof Error ? error.message : String(error);
    }
  }

  return {
    counts: () => ({
      sent,
      inFlight: inFlight(),
      finished,
      failed,
      givenUp,
      skipped,
      lastError,
    }),
    turn(now) {
      if (abort.signal.aborted) return;
      // The first is due at once.
      const due = Math.floor(((now - startedAt) / 1000) * settings.rate) + 1;
      const wanted = due - numDue;
      numDue = due;
      const turns = Math.min(wanted, MAX_PER_TURN);
      skipped += wanted - turns;
      for (let turn = 0; turn < turns; turn++) {
        if (inFlight() < MAX_IN_FLIGHT) void sendOne();
        else skipped++;
      }
    },
    stop: () => abort.abort(),
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
