/**
 * What faults do to a request: they hold it, answer it, cut its stream off, reset its connection. Those of the server, and
 * those that it carries where requests may.
 */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { readCarriedFaults } from '../../shared/faults/carried-faults.ts';
import { FAULT_HEADER } from '../../shared/protocol/fault-keys.ts';
import type { FrontendEffect } from '../faults/frontend-fault.ts';
import type { ShownFaults } from '../faults/shown-faults.ts';
import type { HttpArgs } from './http-args.ts';
import { pathOf } from './request-target.ts';

const NONE: readonly FrontendEffect[] = [];

/** `path` is what the router sees of the target. */
export interface MeetOptions {
  readonly path: string;
  readonly response: ServerResponse;
  readonly goOn: () => void;
  readonly refuse: (status: number) => void;
}

export class RequestFaults {
  readonly #faults: ShownFaults;
  readonly #isCarriedAllowed: boolean;

  constructor(faults: ShownFaults, args: Pick<HttpArgs, 'enableFaults' | 'faults'>) {
    this.#faults = faults;
    this.#isCarriedAllowed = args.enableFaults && args.faults !== 'none';
  }

  /** Requests may carry faults. */
  get isCarriedAllowed(): boolean {
    return this.#isCarriedAllowed;
  }

  /** The server's, then those of the request's header; none of either is the rule. */
  ofHeaders(headers: IncomingHttpHeaders): readonly FrontendEffect[] {
    const ofServer = this.#faults.isAnyAtHttp ? this.#faults.effects : NONE;
    if (!this.#isCarriedAllowed) return ofServer;
    const header = headers[FAULT_HEADER];
    return header === undefined ? ofServer : [...ofServer, ...this.ofCarried(header)];
  }

  /** Those of a text, or a list of texts; what cannot be read is for the engine to refuse. */
  ofCarried(texts: unknown): readonly FrontendEffect[] {
    if (!this.#isCarriedAllowed || texts === undefined) return NONE;
    const read = readCarriedFaults(texts);
    return read.isOk ? this.#faults.effectsOf(read.faults) : NONE;
  }

  /** Holds a request as long as its effects say, then lets it go on or refuses it. Nothing follows for a client that leaves. */
  meet(effects: readonly FrontendEffect[], { path, response, goOn, refuse }: MeetOptions): void {
    let callOff: (() => void) | null = null;
    const onClose = (): void => callOff?.();
    const holdFrom = (index: number): void => {
      for (let i = index; i < effects.length; i++) {
        callOff = effects[i]?.hold?.(path, () => holdFrom(i + 1)) ?? null;
        if (callOff !== null) return;
      }
      response.off('close', onClose);
      const status = firstOf(effects, (effect) => effect.errorStatus?.(path));
      if (status === null) goOn();
      else refuse(status);
    };
    response.once('close', onClose);
    holdFrom(0);
  }

  /** The connection of a request to this target is to be reset; scrapes go on. */
  refuses(target: string): boolean {
    return this.#faults.refuses && !isScrape(pathOf(target));
  }
}

/** Events after which a stream is cut off; null: it is not. */
export function cutAfter(effects: readonly FrontendEffect[], path: string): number | null {
  return firstOf(effects, (effect) => effect.cutAfter?.(path));
}

function firstOf(
  effects: readonly FrontendEffect[],
  ask: (effect: FrontendEffect) => number | null | undefined,
): number | null {
  for (const effect of effects) {
    const value = ask(effect) ?? null;
    if (value !== null) return value;
  }
  return null;
}

function isScrape(path: string): boolean {
  return path === '/metrics' || path.startsWith('/metrics/');
}
