/** The text of a step is JSON.stringify's, character for character. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Replay } from '../../../../src/cli/replay/engine.ts';
import { parseTraceRecords } from '../../../../src/cli/replay/read-traces.ts';
import { resolveTrace } from '../../../../src/cli/replay/resolve.ts';
import { StepText } from '../../../../src/cli/replay/step-text.ts';

function expectSameText(document: unknown): void {
  for (const trace of parseTraceRecords(document)) {
    const text = new StepText();
    for (const step of new Replay({ trace, ...resolveTrace(trace) }).steps(2000))
      expect(text.of(step)).toBe(JSON.stringify(step));
  }
}

describe('the text of a step', () => {
  it.each(['traces.json', 'traces-2.json'])('is the JSON of every record of %s', (file) => {
    const url = new URL(`../../../golden/${file}`, import.meta.url);
    expectSameText(JSON.parse(readFileSync(url, 'utf8')));
  });

  it('puts ids that read like an index where an object has them, and escapes the others', () => {
    const ids = ['b', '10', '2', '02', 'say "hi"\n', 'é\u2028', '\ud800', '4294967296', ''];
    expectSameText({
      id: 'odd-ids',
      config: { num_blocks: 9, max_model_len: 64, max_num_batched_tokens: 32, max_num_seqs: 4 },
      requests: ids.map((id, index) => ({
        id,
        arrival_step: index,
        prompt_token_ids: [5, 6, 7 + index],
        sampling: { max_tokens: 3 + index },
      })),
    });
  });
});
