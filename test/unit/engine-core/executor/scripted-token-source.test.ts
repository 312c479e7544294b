import { describe, expect, it } from 'vitest';
import { ScriptedTokenSource } from '../../../../src/engine-core/executor/scripted-token-source.ts';
import { createTokenSource } from '../../../../src/engine-core/executor/token-source.ts';
import { Request } from '../../../../src/engine-core/scheduler/request.ts';
import { createTestRequest, EOS_TOKEN_ID } from '../../../support/engine.ts';

function sequence(extraArgs: Readonly<Record<string, unknown>> | null): readonly number[] {
  const inner = createTokenSource({
    kind: 'rule',
    seed: 0,
    vocabSize: 4000,
    eosTokenId: EOS_TOKEN_ID,
    maxModelLen: 256,
  });
  const source = new ScriptedTokenSource(inner);
  const options = { promptTokenIds: [10, 20, 30], sampling: { extraArgs } };
  const request = new Request(createTestRequest(options));
  source.prepare(request);
  return [0, 1, 2].map((position) => source.tokenAt(request, position));
}

describe('a script', () => {
  it.each(['scripted_token_ids', 'oracle_outputs'])(
    'given as %s is said first, then the source goes on',
    (key) => {
      expect(sequence({ [key]: [5, 77] })).toEqual([5, 77, 1074]);
    },
  );

  it.each([
    ['no arguments', null],
    ['other arguments', { session_id: 'a' }],
    ['no list', { scripted_token_ids: 'x' }],
    ['no token ids', { scripted_token_ids: [5, 'a'] }],
  ])('is not there with %s', (_, extraArgs) => {
    expect(sequence(extraArgs)).toEqual([1060, 1067, 1074]);
  });
});
