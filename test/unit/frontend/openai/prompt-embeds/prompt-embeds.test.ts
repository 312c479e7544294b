import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadPromptEmbeds } from '../../../../../src/frontend/openai/prompt-embeds/prompt-embeds.ts';
import { errorOf } from '../../../../support/openai.ts';

interface RecordedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly payload: string;
  readonly shape?: readonly number[];
  readonly data?: string;
  readonly refused?: string;
}

const path = new URL('../../../../golden/prompt-embeds.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: readonly RecordedTensor[] };

describe('loadPromptEmbeds', () => {
  it.each(cases.map((one) => [one.name, one.dtype, one] as const))(
    'makes of %s for %s what vLLM makes of it',
    (_, __, { payload, dtype, shape, data, refused }) => {
      const load = () => loadPromptEmbeds(payload, { hiddenSize: 64, dtype });
      if (refused !== undefined) {
        expect(errorOf(load)).toMatchObject({ message: refused, code: 400 });
        return;
      }
      const loaded = load();
      expect([loaded.dtype, loaded.shape]).toEqual([dtype, shape]);
      expect(Buffer.from(loaded.data).toString('base64')).toBe(data);
    },
  );

  it('copies the rows that are kept, and none where there are too many', () => {
    const one = cases.find(({ shape }) => (shape?.[0] ?? 0) > 2);
    const { payload = '', dtype = '', data = '' } = one ?? {};
    const kind = { hiddenSize: 64, dtype };
    const all = Buffer.from(data, 'base64');
    const rowBytes = all.length / (one?.shape?.[0] ?? 1);
    const kept = loadPromptEmbeds(payload, kind, () => ({ first: 1, count: 1 }));
    expect(kept.shape).toEqual([1, 64]);
    expect(Buffer.from(kept.data)).toEqual(all.subarray(rowBytes, 2 * rowBytes));
    const refuse = (numRows: number): never => {
      throw new RangeError(`${numRows} rows`);
    };
    expect(() => loadPromptEmbeds(payload, kind, refuse)).toThrow(`${one?.shape?.[0]} rows`);
  });
});
