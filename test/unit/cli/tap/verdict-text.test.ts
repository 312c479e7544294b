import { describe, expect, it } from 'vitest';
import { verdictText } from '../../../../src/cli/tap/verdict-text.ts';
import { identityFromEngineIndex } from '../../../../src/shared/protocol/identity.ts';
import { WIRE_VERSIONS } from '../../../../src/shared/protocol/versions/wire-versions.ts';
import { ProtocolCheck } from '../../../../src/shared/tap/check/protocol-check.ts';
import { toRawFrame } from '../../../../src/shared/tap/raw-frame.ts';
import { VLLM_VERSION } from '../../../../src/shared/version.ts';
import { wireCodec } from '../../../support/wire-codec.ts';

function check(...messages: readonly (readonly Uint8Array[])[]) {
  const protocol = new ProtocolCheck(WIRE_VERSIONS[VLLM_VERSION]);
  messages.forEach((parts, index) => {
    const frame = toRawFrame({
      seq: index + 1,
      monotonicMs: 0,
      socket: { name: 'handshake', type: 'ROUTER', address: 'tcp://127.0.0.1:1' },
      direction: 'receive',
      identity: identityFromEngineIndex(1),
      parts,
    });
    protocol.add(frame, { process: 'tap' });
  });
  return protocol.verdict();
}

const HELLO = wireCodec.encodeHandshakeMessage({ status: 'HELLO', local: false, headless: true });

describe('the verdict in words', () => {
  it('says what was looked at, and that it is as vLLM says it', () => {
    const text = verdictText({ ...check(HELLO), problems: [] }, 0);
    expect(text).toBe('\n1 frame of 1 engine: as vLLM 0.33.0 says it\n');
  });

  it('names each problem with its frame, and what was not looked at', () => {
    // {"status": "HELLO", "local": 1}
    const bad = Buffer.from('82a6737461747573a548454c4c4fa56c6f63616c01', 'hex');
    const text = verdictText(check([bad]), 7);
    expect(text).toContain('1 frame of 1 engine: not as vLLM 0.33.0 says it');
    expect(text).toMatch(/ {2}error field\.missing: .*headless.* \(frame 1\)/);
    expect(text).toMatch(/ {2}error field\.type: .*local.* \(frame 1\)/);
    expect(text).toContain('  error: 7 frames came too fast and were not judged');
  });

  it('of nothing says that no engine came', () => {
    expect(verdictText(check(), 0)).toContain('nothing to judge, no engine said HELLO');
  });
});
