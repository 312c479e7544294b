import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type CoreEngineState,
  EngineStartup,
} from '../../../../src/frontend/launch/engine-startup.ts';
import { rankFromIdentity } from '../../../../src/frontend/launch/handshake-server.ts';
import { TwinError } from '../../../../src/shared/errors.ts';
import type { HandshakeMessage } from '../../../../src/shared/protocol/handshake.ts';

interface StartupCase {
  readonly id: string;
  readonly engines: readonly { readonly index: number; readonly local: boolean }[];
  readonly remote_should_be_headless: boolean;
  readonly coordinated_dp: boolean;
  readonly parallel_config_hash: string;
  readonly messages: readonly {
    readonly identity: string;
    readonly payload: {
      readonly status: 'HELLO' | 'READY';
      readonly local: boolean;
      readonly headless: boolean;
      readonly parallel_config_hash?: string;
    };
  }[];
  readonly expected: {
    readonly end: 'complete' | 'waiting' | 'error';
    readonly error: string | null;
    readonly init_sent_to: readonly number[];
    readonly states: readonly CoreEngineState[];
    readonly consumed: number;
  };
}

const { cases }: { cases: readonly StartupCase[] } = JSON.parse(
  readFileSync(new URL('../../../golden/startup-handshake.json', import.meta.url), 'utf8'),
);

function createStartup(
  options: Partial<ConstructorParameters<typeof EngineStartup>[0]> = {},
): EngineStartup {
  return new EngineStartup({
    engines: [
      { index: 0, local: true },
      { index: 1, local: false },
    ],
    remoteShouldBeHeadless: true,
    expectsParallelConfigHash: false,
    parallelConfigHash: null,
    ...options,
  });
}

const HELLO: HandshakeMessage = { status: 'HELLO', local: true, headless: false };
const READY: HandshakeMessage = { status: 'READY', local: true, headless: false };

describe("start-up as vLLM's wait_for_engine_startup judges it", () => {
  it('has cases of every kind of end', () => {
    expect(new Set(cases.map((c) => c.expected.end))).toEqual(
      new Set(['complete', 'waiting', 'error']),
    );
  });

  it.each(cases)('$id', (c) => {
    const startup = createStartup({
      engines: c.engines,
      remoteShouldBeHeadless: c.remote_should_be_headless,
      expectsParallelConfigHash: c.coordinated_dp,
      parallelConfigHash: c.parallel_config_hash,
    });
    const initSentTo: number[] = [];
    let consumed = 0;
    let error: string | null = null;
    for (const { identity, payload } of c.messages) {
      if (startup.isComplete) break;
      consumed += 1;
      const rank = rankFromIdentity(Buffer.from(identity, 'hex'));
      const { parallel_config_hash: hash, ...message } = payload;
      try {
        const action = startup.receive(rank, {
          ...message,
          ...(hash === undefined ? {} : { parallelConfigHash: hash }),
        });
        if (action === 'send-init') initSentTo.push(Number(rank));
      } catch (thrown) {
        if (!(thrown instanceof TwinError)) throw thrown;
        expect(thrown.code).toBe('E_HANDSHAKE');
        error = thrown.message;
        break;
      }
    }
    const end = error === null ? (startup.isComplete ? 'complete' : 'waiting') : 'error';
    expect({
      end,
      error,
      init_sent_to: initSentTo,
      states: c.engines.map(({ index }) => startup.getState(index)),
      consumed,
    }).toEqual(c.expected);
  });
});

describe('the ranks that are still missing', () => {
  it('are named with what they lack', () => {
    const startup = createStartup();
    startup.receive(0, HELLO);
    expect(startup.describeMissing()).toBe(
      'rank 0 (local) has connected but is not ready; rank 1 (remote) has not connected',
    );
  });

  it('are none once all are READY', () => {
    const startup = createStartup({ engines: [{ index: 0, local: true }] });
    startup.receive(0, HELLO);
    startup.receive(0, READY);
    expect(startup.isComplete).toBe(true);
    expect(startup.describeMissing()).toBe('');
  });
});

describe('the config hash where the frontend has none of its own', () => {
  it("is the first engine's", () => {
    const startup = createStartup({
      engines: [
        { index: 0, local: true },
        { index: 1, local: true },
      ],
      expectsParallelConfigHash: true,
    });
    startup.receive(0, HELLO);
    startup.receive(1, HELLO);
    startup.receive(1, { ...READY, parallelConfigHash: 'b' });
    expect(() => startup.receive(0, { ...READY, parallelConfigHash: 'a' })).toThrow(
      /Worker hash: a, Expected hash: b\./,
    );
  });
});
