/**
 * Asks engines for their inside: each call has a deadline, and an engine that answers as one of vLLM, which knows none of
 * our methods, is left alone for a while.
 */
import type { Clock } from '../../shared/clock.ts';
import { reasonOf, TwinError } from '../../shared/errors.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { TwinAnswer } from './twin-question.ts';

/** How long an engine may take; one that hangs must not hang who looks. */
export const INQUIRY_TIMEOUT_MS = 2_000;
/** Between two tries of an engine that knows none of our methods. */
export const STRANGER_RETRY_MS = 60_000;
/** Calls under way to one engine at a time. */
export const MAX_CALLS_UNDER_WAY = 8;
/** What ends a fault reaches the engine whatever it does: nobody else would end it there. */
export const ENDING_METHOD = 'vllm_twin_clear';
/** Not counted among the looks at an engine: how many faults there may be is their desk's to say. */
const UNCOUNTED_METHODS: ReadonlySet<string> = new Set(['vllm_twin_inject', ENDING_METHOD]);

export type CallEngine = (
  rank: EngineIndex,
  method: string,
  args: readonly unknown[],
) => Promise<unknown>;

/** How a Python engine says that it has none of our methods. */
const UNKNOWN_METHOD = /has no attribute '?vllm_twin_/;

interface Known {
  /** Null until it has answered. */
  isTwin: boolean | null;
  triedAtMs: number;
  numUnderWay: number;
  /** Calls that were given up and may yet be answered: while there are any, nobody waits for the engine again. */
  numOverdue: number;
}

export class EngineInquiry {
  readonly #call: CallEngine;
  readonly #clock: Clock;
  readonly #known = new Map<EngineIndex, Known>();

  constructor(call: CallEngine, clock: Clock) {
    this.#call = call;
    this.#clock = clock;
  }

  /** Null where it never answered. */
  isTwin(rank: EngineIndex): boolean | null {
    return this.#known.get(rank)?.isTwin ?? null;
  }

  async ask(rank: EngineIndex, method: string, args: readonly unknown[]): Promise<TwinAnswer> {
    const known = this.#of(rank);
    const nowMs = this.#clock.monotonicMs();
    if (known.isTwin === false && nowMs - known.triedAtMs < STRANGER_RETRY_MS) return strange(rank);
    const weight = UNCOUNTED_METHODS.has(method) ? 0 : 1;
    const isBusy = known.numOverdue > 0 || known.numUnderWay + weight > MAX_CALLS_UNDER_WAY;
    if (isBusy && method !== ENDING_METHOD) return silent(rank, method);
    known.triedAtMs = nowMs;
    known.numUnderWay += weight;
    const answer = this.#call(rank, method, args).then(
      (value): TwinAnswer => {
        known.isTwin = true;
        return { isOk: true, value };
      },
      (error: unknown): TwinAnswer => {
        const message = reasonOf(error);
        if (!UNKNOWN_METHOD.test(message)) return { isOk: false, status: statusOf(error), message };
        known.isTwin = false;
        return strange(rank);
      },
    );
    let isOverdue = false;
    void answer.then(() => {
      known.numUnderWay -= weight;
      if (isOverdue) known.numOverdue -= 1;
    });
    return withDeadline(answer, () => {
      isOverdue = true;
      known.numOverdue += 1;
      return silent(rank, method);
    });
  }

  #of(rank: EngineIndex): Known {
    let known = this.#known.get(rank);
    if (known === undefined) {
      known = {
        isTwin: null,
        triedAtMs: Number.NEGATIVE_INFINITY,
        numUnderWay: 0,
        numOverdue: 0,
      };
      this.#known.set(rank, known);
    }
    return known;
  }
}

/** An engine that refuses says why; anything else is no answer of an engine. */
function statusOf(error: unknown): 400 | 503 {
  return error instanceof TwinError && error.code !== 'E_UTILITY_FAILED' ? 503 : 400;
}

async function withDeadline(
  answer: Promise<TwinAnswer>,
  onLate: () => TwinAnswer,
): Promise<TwinAnswer> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<TwinAnswer>((resolve) => {
    timer = setTimeout(() => resolve(onLate()), INQUIRY_TIMEOUT_MS);
    timer.unref();
  });
  try {
    return await Promise.race([answer, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function strange(rank: EngineIndex): TwinAnswer {
  return {
    isOk: false,
    status: 501,
    message: `engine ${rank} is no vllm-twin engine: it knows none of the methods that show its inside`,
  };
}

function silent(rank: EngineIndex, method: string): TwinAnswer {
  return {
    isOk: false,
    status: 503,
    message: `engine ${rank} did not answer ${method} within ${INQUIRY_TIMEOUT_MS / 1000} s: is it stopped, or busy?`,
  };
}
