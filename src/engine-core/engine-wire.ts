/** What lies between an engine and its frontends' sockets, for faults to change: a lane each way, and who goes past them. */
import { AwaitedOwnCalls } from './faults/own-calls.ts';
import type { WireDirection, WireFaults } from './faults/wire-faults.ts';
import { WireLane, type WireLaneOptions } from './wire-lane.ts';

export class EngineWire {
  readonly toEngine: WireLane;
  readonly fromEngine: WireLane;
  readonly ownCalls = new AwaitedOwnCalls();

  constructor(
    faults: Readonly<Record<WireDirection, WireFaults>>,
    options: Omit<WireLaneOptions, 'faults'>,
  ) {
    this.toEngine = new WireLane({ faults: faults['to-engine'], ...options });
    this.fromEngine = new WireLane({ faults: faults['from-engine'], ...options });
  }

  /** Both ways: nothing waits any more. */
  flush(): void {
    this.toEngine.flush();
    this.fromEngine.flush();
  }
}
