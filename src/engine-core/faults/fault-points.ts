/**
 * Where faults take hold of an engine: switches that the engine looks at as it goes, each with what ends it. An engine
 * without faults pays one look at a flag.
 */
import type { Request } from '../scheduler/request.ts';
import type { EngineFaultHost, EngineProcessControl } from './engine-fault.ts';
import { type WireDirection, type WireFault, WireFaults } from './wire-faults.ts';

/** What of an engine its faults change. */
export interface FaultTargets {
  setSlowFactor(factor: number): void;
  /** Of all blocks, 0 to 1. */
  setReservedShare(share: number): void;
  /** Takes what is free and still missing of it. */
  fillReservation(): void;
  preempt(count: number): void;
}

export class FaultPoints implements EngineFaultHost {
  readonly process: EngineProcessControl;
  /** Where nobody looks at them, as in an engine without sockets, they change nothing. */
  readonly wire: Readonly<Record<WireDirection, WireFaults>> = {
    'to-engine': new WireFaults(),
    'from-engine': new WireFaults(),
  };
  /** The engine stands still or goes on, or has other blocks: whoever waits looks again. */
  onChange: (what: 'hang' | 'blocks') => void = () => {};
  readonly #targets: FaultTargets;
  readonly #factors: number[] = [];
  readonly #shares: number[] = [];
  readonly #listeners = new Set<(request: Request) => void>();
  readonly #checks = new WeakMap<Request, ((request: Request) => void)[]>();
  #numHangs = 0;
  #hasChecks = false;

  constructor(targets: FaultTargets, process: EngineProcessControl) {
    this.#targets = targets;
    this.process = process;
  }

  get isHung(): boolean {
    return this.#numHangs > 0;
  }

  /** A reservation has what has become free, before anybody else and before it is told how much is. */
  fillReservation(): void {
    if (this.#shares.length > 0) this.#targets.fillReservation();
  }

  hang(): () => void {
    this.#numHangs += 1;
    this.onChange('hang');
    return () => {
      this.#numHangs -= 1;
      this.onChange('hang');
    };
  }

  slowDown(factor: number): () => void {
    return held(this.#factors, factor, (factors) =>
      this.#targets.setSlowFactor(factors.reduce((product, one) => product * one, 1)),
    );
  }

  reserveBlocks(share: number): () => void {
    return held(this.#shares, share, (shares) => {
      const sum = shares.reduce((total, one) => total + one, 0);
      this.#targets.setReservedShare(Math.min(1, sum));
      this.onChange('blocks');
    });
  }

  preempt(count: number): void {
    this.#targets.preempt(count);
  }

  onRequest(listener: (request: Request) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  beforeSampling(request: Request, check: (request: Request) => void): void {
    this.#hasChecks = true;
    this.#checks.set(request, [...(this.#checks.get(request) ?? []), check]);
  }

  onWire(direction: WireDirection, fault: WireFault): () => void {
    return this.wire[direction].add(fault);
  }

  /** A request was taken in. */
  requestTaken(request: Request): void {
    for (const listener of this.#listeners) listener(request);
  }

  /** The requests run in this step, and their tokens are to be sampled. Throws what their faults throw. */
  checkSampling(requests: readonly (Request | undefined)[], numRequests: number): void {
    if (!this.#hasChecks) return;
    for (let i = 0; i < numRequests; i += 1) {
      const request = requests[i];
      if (request === undefined) continue;
      for (const check of this.#checks.get(request) ?? []) check(request);
    }
  }
}

/** Holds a value in a list, and tells of the list now and when it is let go. */
function held(values: number[], value: number, tell: (values: readonly number[]) => void) {
  values.push(value);
  tell(values);
  return (): void => {
    values.splice(values.indexOf(value), 1);
    tell(values);
  };
}
