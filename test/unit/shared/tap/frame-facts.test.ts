import { describe, expect, it } from 'vitest';
import { WIRE_VERSIONS } from '../../../../src/shared/protocol/versions/wire-versions.ts';
import { createDissector } from '../../../../src/shared/tap/dissector.ts';
import { factsText, frameFacts } from '../../../../src/shared/tap/frame-facts.ts';
import { goldenFrames } from '../../../support/golden-frames.ts';

const dissector = createDissector(WIRE_VERSIONS['0.33.0']);
const lines = ['dp1', 'dp2_moe'].flatMap((run) =>
  goldenFrames(run).map(({ frame, process }) => dissector.line(frame, { process, tMs: 0 })),
);

function firstOf(type: string, begin = ''): string | undefined {
  return lines
    .filter((line) => line.type === type)
    .map(factsText)
    .find((text) => text.startsWith(begin));
}

describe('the facts that matter', () => {
  it.each([
    ['HELLO', '', 'local=false  headless=true'],
    ['INIT', '', 'inputs=1  coordinator=none'],
    ['EngineCoreReadyResponse', '', 'kv_cache_size_tokens=528  num_gpu_blocks=33'],
    ['ADD', '', 'request_id=r-a  prompt_token_ids=50'],
    ['OUTPUTS', 'outputs=', 'outputs=1  new_token_ids=1'],
  ])('of %s %sare as vLLM says them', (type, begin, text) => {
    expect(firstOf(type, begin)).toBe(text);
  });

  it('are two at most, and none of what cannot be read', () => {
    for (const line of lines) expect(frameFacts(line).length).toBeLessThanOrEqual(2);
    expect(frameFacts({ type: 'ADD', message: null })).toEqual([]);
    expect(frameFacts({ type: 'READY', message: 'READY' })).toEqual([]);
    expect(frameFacts({ type: 'OUTPUTS', message: {} })).toEqual([]);
  });

  it('tell how a request ended, and the answer to a call', () => {
    const outputs = [{ new_token_ids: [7], finish_reason: 1 }];
    expect(factsText({ type: 'OUTPUTS', message: { outputs } })).toBe(
      'new_token_ids=1  finish_reason=length',
    );
    const answer = { outputs: [], utility_output: { call_id: { $bigint: '9007199254740993' } } };
    expect(frameFacts({ type: 'OUTPUTS', message: answer })[0]?.name).toBe('utility_output');
  });

  it('shorten a hash and count long lists', () => {
    const ready = { status: 'READY', local: true, parallel_config_hash: 'abcdef0123456789' };
    expect(factsText({ type: 'READY', message: ready })).toBe(
      'local=true  parallel_config_hash=abcdef012345…',
    );
    expect(factsText({ type: 'ABORT', message: { request_ids: ['a', 'b', 'c'] } })).toBe(
      'request_ids=3 ids',
    );
  });
});
