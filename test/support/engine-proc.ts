/** A busy loop over a test engine, with its outputs in a list instead of sockets. */

import type { ClientOutputs } from '../../src/engine-core/client-outputs.ts';
import { DPEngineCore, type DpOutcome, type DpVote } from '../../src/engine-core/dp-engine-core.ts';
import type { EngineCore } from '../../src/engine-core/engine-core.ts';
import { EngineCoreProc } from '../../src/engine-core/engine-core-proc.ts';
import type { Clock } from '../../src/shared/clock.ts';
import { type Logger, silentLogger } from '../../src/shared/logger.ts';
import type { KVCacheEvent } from '../../src/shared/protocol/kv-events.ts';
import type { EngineCoreOutput } from '../../src/shared/protocol/outputs.ts';
import type { EngineCoreRequest } from '../../src/shared/protocol/request.ts';
import { createTestEngine, type TestEngineOptions } from './engine.ts';

export interface TestProcOptions {
  readonly engine?: TestEngineOptions;
  readonly publishesCounts?: boolean;
  readonly agree?: (vote: DpVote) => Promise<DpOutcome>;
  readonly holdOthers?: () => () => void;
  /** A data-parallel rank of a mixture-of-experts model. */
  readonly isMoeDp?: boolean;
  readonly publishKvEvents?: (events: readonly KVCacheEvent[]) => void;
}

export class TestProc {
  readonly proc: EngineCoreProc;
  readonly core: EngineCore;
  /** Everything sent, in order. */
  readonly sent: ClientOutputs[] = [];
  readonly log: string[] = [];
  /** Settles with the busy loop. */
  readonly ended: Promise<void>;
  /** Held back by a client that does not read while set. */
  pressure: Promise<void> | null = null;

  constructor(options: TestProcOptions = {}) {
    const engine = options.engine ?? {};
    const made: { core: EngineCore; clock: Clock } =
      options.isMoeDp === true ? createTestEngine(engine, DPEngineCore) : createTestEngine(engine);
    this.core = made.core;
    const note = (text: unknown): void => {
      this.log.push(String(text));
    };
    const logger: Logger = Object.assign(silentLogger(), { debug: note, info: note, warn: note });
    this.proc = new EngineCoreProc({
      core: made.core,
      clock: made.clock,
      logger,
      outputs: {
        send: (messages) => this.sent.push(...messages),
        backPressure: () => this.pressure,
      },
      publishKvEvents: options.publishKvEvents ?? null,
      publishesCounts: options.publishesCounts ?? false,
      agree: options.agree ?? null,
      holdOthers: options.holdOthers ?? null,
    });
    this.ended = this.proc.run();
    // A test that expects the rejection looks at `ended` itself.
    this.ended.catch(() => {});
  }

  add(request: EngineCoreRequest): void {
    this.proc.push({ type: 'ADD', request });
  }

  abort(...requestIds: string[]): void {
    this.proc.push({ type: 'ABORT', requestIds });
  }

  call(method: string, args: readonly unknown[] = [], callId = 1): void {
    this.proc.push({ type: 'UTILITY', call: { clientIndex: 0, callId, method, args } });
  }

  /** All outputs of a request so far. */
  outputsOf(requestId: string): readonly EngineCoreOutput[] {
    return this.sent
      .flatMap(({ outputs }) => outputs.outputs)
      .filter((output) => output.requestId === requestId);
  }

  tokensOf(requestId: string): readonly number[] {
    return this.outputsOf(requestId).flatMap(({ newTokenIds }) => [...newTokenIds]);
  }

  finishReasonOf(requestId: string): number | null {
    return this.outputsOf(requestId).at(-1)?.finishReason ?? null;
  }

  /** Results and failures of utility calls, by call id. */
  get answers(): ReadonlyMap<unknown, unknown> {
    const answers = new Map<unknown, unknown>();
    for (const { outputs } of this.sent)
      if (outputs.utilityOutput !== null)
        answers.set(
          outputs.utilityOutput.callId,
          outputs.utilityOutput.failureMessage ?? outputs.utilityOutput.result,
        );
    return answers;
  }

  async stop(): Promise<void> {
    this.proc.requestShutdown();
    await this.ended.catch(() => {});
  }
}
