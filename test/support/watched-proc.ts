/** A busy loop whose engine shows its inside, and calls to it. */

import { EngineFaults } from '../../src/engine-core/faults/engine-faults.ts';
import { EngineViews } from '../../src/engine-core/views/engine-views.ts';
import { Tap } from '../../src/shared/tap/tap.ts';
import { systemTimers } from '../../src/shared/timers.ts';
import type { EngineViewMethods } from '../../src/shared/twin-api/engine-views.ts';
import { TestProc, type TestProcOptions } from './engine-proc.ts';
import { waitFor } from './wait-for.ts';

type Answer<M extends keyof EngineViewMethods> = ReturnType<EngineViewMethods[M]>;

export interface WatchedProcOptions extends TestProcOptions {
  readonly explain?: () => Promise<unknown>;
}

export class WatchedProc extends TestProc {
  readonly tap: Tap;
  readonly faults: EngineFaults;
  #lastCallId = 1_000;

  constructor({ explain, ...options }: WatchedProcOptions = {}) {
    super(options);
    const { parts } = this.core;
    this.tap = new Tap({ clock: parts.clock, process: 'EngineCore_DP0' });
    this.faults = new EngineFaults({
      host: parts.faults,
      timers: systemTimers,
      logger: { info: () => {} },
    });
    this.core.views = new EngineViews({
      parts,
      tap: this.tap,
      facts: {
        gpu: 'NVIDIA H100',
        model: 'twin/tinymodel',
        explain: explain ?? (async () => ({ schema_version: 1 })),
      },
      faults: this.faults,
      onAnswer: () => this.proc.sendAnswers(),
    });
  }

  /** The answer to a call, or its failure as text, once it is there. */
  async ask(method: string, ...args: readonly unknown[]): Promise<unknown> {
    this.#lastCallId += 1;
    const callId = this.#lastCallId;
    this.call(method, args, callId);
    await waitFor(`the answer to ${method}`, () => this.answers.has(callId));
    return this.answers.get(callId);
  }

  async view<M extends keyof EngineViewMethods>(
    method: M,
    ...args: readonly unknown[]
  ): Promise<Answer<M>> {
    return (await this.ask(method, ...args)) as Answer<M>;
  }
}
