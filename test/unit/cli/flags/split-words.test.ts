import { describe, expect, it } from 'vitest';
import { splitWords } from '../../../../src/cli/flags/split-words.ts';
import { type EngineArgs, FIELDS, type FieldKey } from '../../../../src/shared/config/registry.ts';
import { resolveArgs } from '../../../../src/shared/config/resolve-args.ts';

const split = (line: readonly string[]) => splitWords(line);
/** What the words come to, without what nobody asked for. */
const parse = (...line: string[]): Partial<EngineArgs> => {
  const { settings } = split(line);
  const args = resolveArgs([settings]);
  return Object.fromEntries([...settings.keys()].map((key) => [key, args[key]]));
};

describe('a flag', () => {
  it.each<[readonly string[], Partial<EngineArgs>]>([
    [['--max-model-len', '8k'], { maxModelLen: 8000 }],
    [['--max_model_len=8k'], { maxModelLen: 8000 }],
    [['--max-model-len', '-1'], { maxModelLen: -1 }],
    [['--max-model-len=-1'], { maxModelLen: -1 }],
    [
      ['-tp', '2', '-dp=4', '-pp', '3'],
      { tensorParallelSize: 2, dataParallelSize: 4, pipelineParallelSize: 3 },
    ],
    [
      ['-dpl', '0', '-dpa', 'head', '-dpp', '13345', '-dpr', '2'],
      {
        dataParallelSizeLocal: 0,
        dataParallelAddress: 'head',
        dataParallelRpcPort: 13345,
        dataParallelStartRank: 2,
      },
    ],
    [['--handshake-port', '1'], { dataParallelRpcPort: 1 }],
    [['--device-memory-utilization', '0.5'], { gpuMemoryUtilization: 0.5 }],
    [['-qfp8'], { quantization: 'fp8' }],
    [['--chat-template', 'a text = with spaces'], { chatTemplate: 'a text = with spaces' }],
    [['--chat-template', '- not a flag'], { chatTemplate: '- not a flag' }],
    [['--root-path='], { rootPath: '' }],
    [['--served-model-name', 'a', 'b', '--port', '1'], { servedModelName: ['a', 'b'], port: 1 }],
    [['--kv-events-config', '{"topic": "-x"}'], { kvEventsConfig: { topic: '-x' } }],
  ])('with a value: %j', (words, args) => {
    expect(parse(...words)).toEqual(args);
  });

  it.each<[readonly string[], Partial<EngineArgs>]>([
    [['--headless'], { headless: true }],
    [['--enable-lora=false'], { enableLora: false }],
    [['--no-enable-prefix-caching'], { enablePrefixCaching: false }],
    [['--disable-prefix-caching'], { enablePrefixCaching: false }],
    [['--disable_prefix_caching'], { enablePrefixCaching: false }],
    [['--enable-hybrid-kv-cache-manager'], { disableHybridKvCacheManager: false }],
    [['--no-async-scheduling'], { asyncScheduling: false }],
    [
      ['-ep', '-dph', '-dpe'],
      { enableExpertParallel: true, dataParallelHybridLb: true, dataParallelExternalLb: true },
    ],
    [['--enable-lora', '--disable-lora'], { enableLora: false }],
  ])('that is a switch: %j', (words, args) => {
    expect(parse(...words)).toEqual(args);
  });

  it('that is JSON takes its keys one by one', () => {
    const words = '--kv-events-config.topic t --kv_events_config.a.b_c=1 --kv-events-config.a.d 2k';
    const lists =
      '--kv-events-config.list+ x,y --kv-events-config.list+=z --kv-events-config.on true';
    expect(parse(...words.split(' '), ...lists.split(' '))).toEqual({
      kvEventsConfig: { topic: 't', a: { b_c: 1, d: 2000 }, list: ['x', 'y', 'z'], on: true },
    });
    expect(parse('-sc.method', 'ngram')).toEqual({ speculativeConfig: { method: 'ngram' } });
    const odd = parse('--kv-events-config.__proto__.x', '1').kvEventsConfig;
    expect(Object.keys(odd ?? {})).toEqual(['__proto__']);
    expect({}).not.toHaveProperty('x');
  });

  it('that is repeated counts the last time, and is named', () => {
    const { settings, repeated } = split(['--port', '1', '--seed=3', '--port=2']);
    expect(settings.get('port')?.words).toEqual(['2']);
    expect(repeated).toEqual(['--port']);
    const names = split(['--served-model-name', 'a', '--served-model-name', 'b']);
    expect(names.settings.get('servedModelName')?.words).toEqual(['b']);
  });

  it('of vLLM without meaning here is passed over with its words, and named', () => {
    const words = '--numa-bind -ac {} --attention-config.backend x --hf-token MODEL';
    const more = '--middleware a.b --numa-bind-nodes 1 2 4 --hf-token --no-trust-remote-code';
    const { positionals, settings, ignored } = split([...words.split(' '), ...more.split(' ')]);
    expect(positionals).toEqual([]);
    expect([...settings]).toEqual([]);
    expect(ignored.map(({ written }) => written)).toEqual([
      '--numa-bind',
      '-ac',
      '--attention-config',
      '--hf-token',
      '--middleware',
      '--numa-bind-nodes',
      '--no-trust-remote-code',
    ]);
  });

  it('of the command itself is kept apart, with all its words', () => {
    const own = [
      { name: 'json', takes: 'switch' },
      { name: 'gpu', takes: 'value' },
      { name: 'compare', takes: 'list' },
    ] as const;
    const words = ['m', '--json', '--gpu', 'L4', '--compare', 'a', 'b', '--gpu=T4', '--json'];
    const { positionals, own: given, settings } = splitWords(words, own);
    expect(positionals).toEqual(['m']);
    expect(Object.fromEntries(given)).toEqual({
      json: ['true'],
      gpu: ['L4', 'T4'],
      compare: ['a', 'b'],
    });
    expect([...settings]).toEqual([]);
  });
});

describe('positionals', () => {
  it.each([
    [['MODEL', '--port', '1'], ['MODEL']],
    [['--headless', 'MODEL'], ['MODEL']],
    [['--port', '1', '--', '--odd-name'], ['--odd-name']],
    [['-'], ['-']],
    [
      ['-1', '-.5'],
      ['-1', '-.5'],
    ],
  ])('%j', (words, positionals) => {
    expect(split(words).positionals).toEqual(positionals);
  });
});

describe('what is wrong is refused', () => {
  it.each([
    [['--prot', '1'], 'E_UNKNOWN_FLAG', 'unknown flag --prot (did you mean --port?); see --help'],
    [
      ['--max-modl-len=1'],
      'E_UNKNOWN_FLAG',
      'unknown flag --max-modl-len (did you mean --max-model-len?); see --help',
    ],
    [
      ['--tensor-par', '2'],
      'E_UNKNOWN_FLAG',
      'unknown flag --tensor-par (did you mean --tensor-parallel-size?); see --help',
    ],
    [['--xyzzy'], 'E_UNKNOWN_FLAG', 'unknown flag --xyzzy; see --help'],
    [['-x'], 'E_UNKNOWN_FLAG', 'unknown flag -x; see --help'],
    [['--no-port'], 'E_UNKNOWN_FLAG', 'unknown flag --no-port'],
    [['--port'], 'E_BAD_FLAG', '--port: expects a value'],
    [['--port', '--headless'], 'E_BAD_FLAG', '--port: expects a value'],
    [['--served-model-name'], 'E_BAD_FLAG', '--served-model-name: expects a value'],
    [['--kv-events-config.topic'], 'E_BAD_FLAG', '--kv-events-config.topic: expects a value'],
    [['--port.x', '1'], 'E_BAD_FLAG', '--port: takes no keys, it is not JSON'],
    [['--no-enable-lora=true'], 'E_BAD_FLAG', '--no-enable-lora: takes no value'],
  ])('%j', (words, code, message) => {
    expect(() => split(words)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});

it('every setting can be given by its own flag', () => {
  const samples: Readonly<Record<string, string>> = {
    string: 'x',
    strings: 'x',
    int: '1',
    ints: '1',
    int_or_none: '1',
    human_int: '1',
    human_int_or_auto: '1',
    float: '0.5',
    bool: 'true',
    choice_or_ms: '1',
    size: '1',
  };
  for (const [key, field] of Object.entries(FIELDS) as [
    FieldKey,
    { kind: string; choices?: readonly string[] },
  ][]) {
    const json = Array.isArray(FIELDS[key].defaultValue) ? '["x"]' : '{"x": 1}';
    const word = field.choices?.[0] ?? samples[field.kind] ?? json;
    const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    expect(Object.keys(parse(`--${name}=${word}`)), name).toEqual([key]);
  }
});
