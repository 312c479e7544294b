import { describe, expect, it } from 'vitest';
import { explainCapacity } from '../../../../src/capacity/explain/explain-capacity.ts';
import type { CliIo } from '../../../../src/cli/cli-io.ts';
import { explainModels } from '../../../../src/cli/explain/model.ts';
import { comparisonLines } from '../../../../src/cli/explain/table.ts';
import { explanationLines } from '../../../../src/cli/explain/text.ts';
import { PLAIN_PALETTE } from '../../../../src/cli/text-layout.ts';

const MODEL = 'Qwen/Qwen3-0.6B';
const FP8 = {
  method: 'fp8',
  description: 'FP8, blocks of 128×128',
  weights_bytes: 3 * 2 ** 30,
  plain_weights_bytes: 4 * 2 ** 30,
};

function createIo(): { io: CliIo; out: string[] } {
  const out: string[] = [];
  const io = {
    stdout: (text: string) => void out.push(text),
    stderr: () => undefined,
    drained: () => Promise.resolve(),
    colours: false,
  };
  return { io, out };
}

function quantized() {
  const plain = explainCapacity({ model: MODEL });
  return { ...plain, model: plain.model === null ? null : { ...plain.model, quantization: FP8 } };
}

describe('explain', () => {
  it('names the quantization and what it saves', () => {
    const lines = explanationLines(quantized(), PLAIN_PALETTE).slice(0, 5).join(' ');
    expect(lines).toContain(
      'quantized by fp8 (FP8, blocks of 128×128): 3.00 GiB of weights on each tensor rank instead of 4.00 unquantized, 1.00 GiB ' +
        '(25 %) saved',
    );
  });

  it('shows how weights are stored where the rows differ in it', () => {
    const lines = comparisonLines([quantized(), explainCapacity({ model: MODEL })], PLAIN_PALETTE);
    expect(lines[0]).toBe('Qwen/Qwen3-0.6B on H100 80GB HBM3, max_model_len 40,960');
    expect(lines[1]).toMatch(/^stored +weights +KV GiB/);
    expect(lines[2]).toMatch(/^fp8 /);
    expect(lines[3]).toMatch(/^bfloat16 /);
  });

  it('has a row for every number of GPUs, and a sentence for one that vLLM refuses', async () => {
    const { io, out } = createIo();
    const variants = [1, 2, 3].map((tensorParallelSize) => ({ model: MODEL, tensorParallelSize }));
    expect(await explainModels({ variants, json: false }, io)).toBe(0);
    const text = out.join('');
    expect(text).toMatch(/^2 × H100 80GB HBM3 /m);
    expect(text).toContain(
      'Qwen/Qwen3-0.6B on 3 × H100 is refused: Total number of attention heads',
    );
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('throws what vLLM says where it refuses all, and that a plain model has nothing to compare', async () => {
    const { io } = createIo();
    const refused = [3, 5].map((tensorParallelSize) => ({ model: MODEL, tensorParallelSize }));
    await expect(explainModels({ variants: refused, json: false }, io)).rejects.toThrow(
      'must be divisible by tensor parallel size (5)',
    );
    const plain = [{ model: MODEL }, { model: MODEL, plainWeights: true }];
    await expect(explainModels({ variants: plain, json: false }, io)).rejects.toThrow(
      '--compare plain: Qwen/Qwen3-0.6B is not quantized',
    );
  });
});
