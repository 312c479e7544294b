import { describe, expect, it } from 'vitest';
import { splitWords } from '../../../../src/cli/flags/split-words.ts';
import { settingsFromRecord } from '../../../../src/shared/config/resolve-args.ts';

const given = (...words: string[]) => splitWords(words).ignored;

describe('the value of a flag that is no setting', () => {
  it.each([
    [['--dcp-comm-backend', 'nobody'], "--dcp-comm-backend 'nobody': must be one of a2a, ag_rs"],
    [['--renderer-num-workers', 'two'], "--renderer-num-workers 'two': must be a whole number"],
    [['--mm-processor-cache-gb', 'x'], "--mm-processor-cache-gb 'x': must be a number"],
    [['--additional-config', '{x}'], "--additional-config '{x}': must be JSON"],
    [['--numa-bind-nodes', '1', 'b'], "--numa-bind-nodes 'b': must be a whole number"],
    [['--collect-detailed-traces', 'gpu'], "'gpu': must be one of all, model, worker, None"],
    [['--moe-backend', 'abacus'], "--moe-backend 'abacus': must be one of"],
    [['-pcp', 'x'], "-pcp 'x': must be a whole number"],
    [['--load-format'], '--load-format: expects a value'],
  ])('is refused where vLLM refuses it: %j', (words, message) => {
    expect(() => given(...words)).toThrow(message);
  });

  it.each([
    ['--safetensors-load-strategy', 'None'],
    ['--moe-backend', 'Deep-GEMM'],
    ['--safetensors-prefetch-block-size', '16M'],
    ['--additional-config', 'a-plain-word'],
    ['--distributed-timeout-seconds', ''],
  ])('is taken where vLLM takes it: %s %j', (...words) => {
    expect(given(...words)).toEqual([{ written: words[0], changes: null }]);
  });

  it('of a file is checked too', () => {
    expect(() => settingsFromRecord({ dcp_comm_backend: 'x' }, 'twin.yaml')).toThrow(
      "twin.yaml: dcp_comm_backend 'x': must be one of",
    );
    expect(settingsFromRecord({ 'numa-bind-nodes': [1, 2] }, 'f').ignored).toMatchObject([
      { written: 'numa-bind-nodes' },
    ]);
  });
});

describe('a flag that vLLM would act on', () => {
  it.each([
    [['--enable-trace-replay'], true],
    [['--no-enable-trace-replay'], false],
    [['--prefill-context-parallel-size', '1'], false],
    [['--prefill-context-parallel-size', '2'], true],
    [['--mm-processor-cache-gb', '4.0'], false],
    [['--swa-bounded-replay'], false],
    [['--no-swa-bounded-replay'], true],
    [['--load-format', 'dummy'], false],
  ])('is named only where it is not as by default: %j', (words, isNamed) => {
    expect(given(...words).map(({ changes }) => changes !== null)).toEqual([isNamed]);
  });
});
