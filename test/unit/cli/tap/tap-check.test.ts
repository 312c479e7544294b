import { describe, expect, it } from 'vitest';
import { TapCheck, type Verdict } from '../../../../src/cli/tap/tap-check.ts';
import { identityFromEngineIndex } from '../../../../src/shared/protocol/identity.ts';
import { WIRE_VERSIONS } from '../../../../src/shared/protocol/versions/wire-versions.ts';
import { createDissector } from '../../../../src/shared/tap/dissector.ts';
import { toRawFrame } from '../../../../src/shared/tap/raw-frame.ts';
import type { SocketType } from '../../../../src/shared/tap/tap.ts';
import type { Frame, SocketName } from '../../../../src/shared/transport/transport.ts';
import { VLLM_VERSION } from '../../../../src/shared/version.ts';
import { createReadyResponse } from '../../../support/ready-response.ts';
import { wireCodec } from '../../../support/wire-codec.ts';

/** What an engine and the frontend say to each other at a start, by name, each changeable. */
const said = {
  hello: () => wireCodec.encodeHandshakeMessage({ status: 'HELLO', local: false, headless: true }),
  init: (parallelConfig = {}) =>
    wireCodec.encodeHandshakeMetadata({
      addresses: {
        inputs: ['tcp://a:1'],
        outputs: ['tcp://a:2'],
        coordinatorInput: null,
        coordinatorOutput: null,
        frontendStatsPublishAddress: null,
      },
      parallelConfig,
    }),
  response: () => wireCodec.encodeReadyResponse(createReadyResponse()),
  ready: (hash?: string) =>
    wireCodec.encodeHandshakeMessage({
      status: 'READY',
      local: false,
      headless: true,
      ...(hash === undefined ? {} : { parallelConfigHash: hash }),
    }),
};

class Conversation {
  readonly check = new TapCheck(createDissector(WIRE_VERSIONS[VLLM_VERSION]));
  #seq = 0;

  hears(rank: number, name: SocketName, parts: readonly Frame[]): this {
    return this.#add(rank, name, 'send', parts);
  }

  says(rank: number, name: SocketName, parts: readonly Frame[], type: SocketType = 'ROUTER'): this {
    return this.#add(rank, name, 'receive', parts, type);
  }

  starts(rank: number, config = {}, hash?: string): this {
    return this.says(rank, 'handshake', said.hello())
      .hears(rank, 'handshake', said.init(config))
      .says(rank, 'input', said.response())
      .says(rank, 'handshake', said.ready(hash));
  }

  verdict(numLost = 0): Verdict {
    return this.check.verdict(numLost);
  }

  #add(
    rank: number,
    name: SocketName,
    direction: 'send' | 'receive',
    parts: readonly Frame[],
    type: SocketType = 'ROUTER',
  ): this {
    this.#seq += 1;
    const identity = type === 'ROUTER' ? identityFromEngineIndex(rank) : null;
    const socket = { name, type, address: 'tcp://a:0' };
    this.check.add(
      toRawFrame({ seq: this.#seq, monotonicMs: 0, socket, direction, identity, parts }),
    );
    return this;
  }
}

const problemsOf = ({ problems }: Verdict): readonly string[] =>
  problems.map(({ engine, type, problem }) => `${engine} ${type}: ${problem}`);

describe('the verdict of a tap', () => {
  it('is clean where engines start as vLLM does, and start again', () => {
    const verdict = new Conversation().starts(0).starts(1).starts(1).verdict();
    expect(verdict).toEqual({
      vllm_version: '0.33.0',
      clean: true,
      engines: 2,
      frames: 12,
      frames_not_checked: 0,
      problems: [],
      problems_left_out: 0,
    });
  });

  it('is not clean where no engine came, or where frames were not looked at', () => {
    expect(problemsOf(new Conversation().verdict())).toEqual(['null HELLO: no engine said HELLO']);
    expect(new Conversation().starts(0).verdict(3)).toMatchObject({
      clean: false,
      frames_not_checked: 3,
    });
  });

  it('names the field that is missing, unknown or of another type', () => {
    const hello = Buffer.from(
      // {"status": "HELLO", "local": 1, "extra": nil}
      '83a6737461747573a548454c4c4fa56c6f63616c01a56578747261c0',
      'hex',
    );
    const verdict = new Conversation()
      .says(0, 'handshake', [hello])
      .hears(0, 'handshake', said.init())
      .says(0, 'input', said.response())
      .says(0, 'handshake', said.ready())
      .verdict();
    expect(verdict.clean).toBe(false);
    const problems = problemsOf(verdict).join('\n');
    for (const field of ['local', 'extra', 'headless'])
      expect(problems).toMatch(new RegExp(`0 HELLO: HandshakeMessage\\.${field}: `));
  });

  it('counts a problem that comes again, and names its first frame', () => {
    const conversation = new Conversation().starts(0);
    for (let i = 0; i < 3; i++) conversation.hears(0, 'input', [Buffer.of(1), Buffer.of(0xc0)]);
    expect(conversation.verdict().problems).toMatchObject([
      { engine: 0, type: 'ABORT', seq: 5, count: 3 },
    ]);
  });

  it('knows the order of a start', () => {
    const verdict = new Conversation()
      .says(0, 'handshake', said.ready())
      .hears(0, 'input', [Buffer.of(1), Buffer.of(0x90)])
      .says(1, 'handshake', said.hello())
      .says(2, 'handshake', said.hello())
      .hears(2, 'handshake', said.init())
      .verdict();
    expect(problemsOf(verdict)).toEqual([
      '0 READY: before INIT',
      "0 ABORT: before the engine's ready response",
      '0 INIT: HELLO was never answered',
      '1 INIT: HELLO was never answered',
      '2 EngineCoreReadyResponse: sent to 0 of 1 API servers',
      '2 READY: never said',
    ]);
  });

  it('compares the configuration hashes of ranks of one model', () => {
    const config = { data_parallel_size: 2 };
    const agreed = new Conversation().starts(0, config, 'a').starts(1, config, 'a').verdict();
    expect(problemsOf(agreed)).toEqual([]);
    const apart = new Conversation().starts(0, config, 'a').starts(1, config, 'b').verdict();
    expect(problemsOf(apart)).toEqual(['1 READY: parallel_config_hash: not that of engine 0']);
    const without = new Conversation().starts(0, config).verdict();
    expect(problemsOf(without)).toEqual([
      '0 READY: parallel_config_hash: missing, ranks of one model must agree on it',
    ]);
  });

  it('does not judge what the tap itself sends on', () => {
    const verdict = new Conversation()
      .starts(0)
      .says(0, 'handshake', [Buffer.from('nonsense')], 'DEALER')
      .verdict();
    expect(verdict.clean).toBe(true);
  });
});
