import { describe, expect, it } from 'vitest';
import { answerVersions } from '../../../../src/cli/versions/answer-versions.ts';
import { KNOWN_METRIC_VERSIONS } from '../../../../src/shared/metric-catalogue/metric-differences.ts';
import { WIRE_VERSIONS } from '../../../../src/shared/protocol/versions/wire-versions.ts';
import { SPOKEN_VERSIONS } from '../../../../src/shared/version.ts';

const PLAIN = { asJson: false, colours: false };

interface Answer {
  readonly wire: {
    readonly meetings: readonly {
      readonly engine: string;
      readonly frontend: string;
      readonly starts: boolean;
      readonly missing_calls: readonly string[];
      readonly moe_ranks: { readonly problem: string } | null;
      readonly breaks: readonly { readonly message: string; readonly rejected: unknown[] }[];
    }[];
    readonly parallel_config: unknown;
    readonly calls: unknown;
  } | null;
  readonly metrics: Readonly<Record<'added' | 'removed', readonly { readonly name: string }[]>> & {
    readonly renamed: readonly { readonly from: string; readonly to: readonly string[] }[];
    readonly changed: unknown;
  };
  readonly cache_config_info: unknown;
  readonly unknown: readonly string[];
}

function answer(from: string, to: string): Answer {
  return JSON.parse(answerVersions([from, to], { asJson: true, colours: false })) as Answer;
}

describe('the list of versions', () => {
  const { versions } = JSON.parse(answerVersions(null, { asJson: true, colours: false })) as {
    versions: readonly { version: string; wire: boolean; metrics: string; default: boolean }[];
  };

  it('has every version of which something is known, the newest first', () => {
    expect(versions.map(({ version }) => version)).toEqual(KNOWN_METRIC_VERSIONS.toReversed());
    expect(versions.find((one) => one.default)?.version).toBe('0.33.0');
    expect(versions.find(({ version }) => version === '0.26.0')).toMatchObject({
      wire: false,
      metrics: 'recorded',
      families: 92,
      cache_config_info_labels: 29,
    });
    expect(versions.find(({ version }) => version === '0.9.1')).toMatchObject({ metrics: 'names' });
  });

  it('knows the wire of those that a twin can be', () => {
    const wired = versions.filter(({ wire }) => wire).map(({ version }) => version);
    expect(wired.toReversed()).toEqual([...SPOKEN_VERSIONS]);
    expect(Object.keys(WIRE_VERSIONS)).toEqual([...SPOKEN_VERSIONS]);
  });

  it('is a table for people, of 80 columns', () => {
    const text = answerVersions(null, PLAIN);
    expect(text).toMatch(/^0\.33\.0 \(default\) +known +recorded +143 +38 labels$/m);
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });
});

describe('two versions', () => {
  it('that cannot start together say why, in the words of msgspec', () => {
    const text = answerVersions(['0.28.0', '0.33.0'], PLAIN);
    expect(text).toContain('Engine core 0.28.0 under frontend 0.33.0: does not start');
    expect(text).toContain('Object missing required field `supports_lora`');
    expect(text).toContain('Engine core 0.33.0 under frontend 0.28.0: starts');
    const [refused, served] = answer('0.28.0', '0.33.0').wire?.meetings ?? [];
    expect(refused).toMatchObject({ engine: '0.28.0', frontend: '0.33.0', starts: false });
    expect(served).toMatchObject({ engine: '0.33.0', frontend: '0.28.0', starts: true });
  });

  it.each([
    ['0.28.0', '0.33.0'],
    ['0.33.0', '0.31.0'],
    ['0.9.1', '0.33.0'],
    ['0.24.0', '0.25.0'],
  ])('%s and %s are told in lines of 80 columns', (from, to) => {
    const lines = answerVersions([from, to], PLAIN).split('\n');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('whose ranks of one model never step together, or are refused, say so', () => {
    const text = answerVersions(['0.32.0', '0.33.0'], PLAIN);
    expect(text).toContain(
      '~ a request while no rank runs: FIRST_REQ of its frontend -> start_wave of',
    );
    expect(text).toContain('+ READY, with elastic expert parallelism: coord_store_port');
    expect(text.match(/a request hangs/g)).toHaveLength(1);
    const problemsOf = (from: string, to: string) =>
      answer(from, to).wire?.meetings.map(({ moe_ranks }) => moe_ranks?.problem ?? null);
    expect(problemsOf('0.32.0', '0.33.0')).toEqual(['never_woken', null]);
    expect(problemsOf('0.30.0', '0.31.0')).toEqual([null, null]);
    expect(problemsOf('0.31.0', '0.32.0')).toEqual(['other_hash', 'other_hash']);
    expect(problemsOf('0.33.0', '0.33.0')).toEqual([null, null]);
    expect(answer('0.31.0', '0.32.0').wire?.parallel_config).toEqual({
      added: ['_coord_store_port'],
      removed: [],
    });
  });

  it('tell the methods that engine cores have not yet', () => {
    const { wire } = answer('0.30.0', '0.33.0');
    const absent = ['pause_generation', 'compute_weight_checksums', 'release_kv_cache_memory'];
    expect(wire?.calls).toEqual({ added: absent, removed: [] });
    const missing = wire?.meetings.map(({ missing_calls }) => missing_calls);
    expect(missing).toEqual([absent, []]);
    expect(answer('0.31.0', '0.32.0').wire?.calls).toEqual({
      added: ['compute_weight_checksums'],
      removed: [],
    });
    expect(answerVersions(['0.33.0', '0.32.0'], PLAIN)).toContain(
      '  UTILITY pause_generation (frontend -> engine)\n    the engine core has no such method',
    );
  });

  it('that are one differ in nothing', () => {
    const same = answer('0.31.0', '0.31.0');
    expect(same.metrics).toMatchObject({ added: [], removed: [], renamed: [], changed: [] });
    expect(same.wire?.meetings.map(({ starts, breaks }) => [starts, breaks])).toEqual([
      [true, []],
      [true, []],
    ]);
    const text = answerVersions(['0.31.0', '0.31.0'], PLAIN);
    expect(text.match(/every message is understood/g)).toHaveLength(1);
  });

  it('of which the metrics alone are known say that the wire is not', () => {
    const { wire, metrics, unknown } = answer('0.20.0', '0.28.0');
    expect(wire).toBeNull();
    expect(metrics.added.map(({ name }) => name)).toContain('vllm:tool_call_parser_invocations');
    expect(unknown.join()).toContain('The wire of 0.20.0 is not known');
  });

  it('of which the names alone are known have renames, and say what is not known', () => {
    const { metrics, cache_config_info, unknown } = answer('0.9.1', '0.33.0');
    expect(metrics.renamed).toContainEqual(
      expect.objectContaining({
        from: 'vllm:gpu_cache_usage_perc',
        to: ['vllm:kv_cache_usage_perc'],
      }),
    );
    expect(metrics.added.map(({ name }) => name)).not.toContain('vllm:kv_cache_usage_perc');
    expect(cache_config_info).toBeNull();
    expect(unknown.join()).toContain('the names alone are compared');
    expect(answer('0.33.0', '0.9.1').metrics.renamed).toContainEqual(
      expect.objectContaining({
        from: 'vllm:kv_cache_usage_perc',
        to: ['vllm:gpu_cache_usage_perc'],
      }),
    );
  });

  it('between recordings leave open what came between them', () => {
    const { metrics, unknown } = answer('0.25.0', '0.33.0');
    const open = 'vllm:kv_offload_allocation_failure';
    expect(unknown.join()).toContain(open);
    expect(metrics.added.map(({ name }) => name)).not.toContain(open);
  });

  it('may be written short', () => {
    expect(answer('v0.31', '0.33')).toEqual(answer('0.31.0', '0.33.0'));
    expect(answer('0.31.0+cpu', '0.33.0+cu129')).toEqual(answer('0.31.0', '0.33.0'));
  });

  it('must be known', () => {
    expect(() => answer('0.31.0', '0.99.0')).toThrow(
      /nothing is known of vLLM '0\.99\.0'; known are 0\.33\.0, 0\.32\.0/,
    );
  });
});
