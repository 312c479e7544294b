/** `vllm-twin ctl`: looks at a running twin, changes its clock, injects faults and load, from a shell. */
import { DURATION_FORM, readDuration } from '../../shared/duration.ts';
import { ConfigError } from '../../shared/errors.ts';
import type { ClockState } from '../../shared/twin-api/engine-views.ts';
import type { ClockRequest, TwinState } from '../../shared/twin-api/state.ts';
import type { Command, CommandFlag } from '../command.ts';
import { parseOwnFlags } from '../flags/own-flags.ts';
import { readClockWords } from './clock-words.ts';
import { type CtlCall, refused, writeJson } from './ctl-call.ts';
import { clearFaults, injectFault, listFaults } from './fault-words.ts';
import { runLoad } from './load-words.ts';
import { TwinServer } from './twin-server.ts';

const DEFAULT_URL = 'http://127.0.0.1:8000';

const FLAGS: readonly CommandFlag[] = [
  { name: 'url', takes: 'value', doc: `The server; default ${DEFAULT_URL}, or unix:/path.` },
  { name: 'engine', takes: 'value', doc: 'Only the engine of this rank; default: all.' },
  { name: 'for', takes: 'value', doc: 'How long a fault or a load lasts: 30s, 5m.' },
  { name: 'api-key', takes: 'value', doc: "The server's key; default: VLLM_API_KEY." },
  { name: 'json', takes: 'switch', doc: 'The answer as JSON.' },
];

export const ctlCommand: Command = {
  name: 'ctl',
  usage: 'ctl state | clock | faults | inject | clear | load | scenario [words] [flags]',
  summary:
    'Look at a running twin, pause and speed up its engines, inject faults and load, play a scenario. Exit code 0 done, 1 refused, nobody there or unmet, 2 wrong words.',
  positional: null,
  readsSettings: false,
  examples: [
    ['ctl state', 'what each engine says of itself'],
    ['ctl clock pause', 'no engine steps any more; requests wait'],
    ['ctl clock step 3 --engine 1', 'three steps of engine 1, then it stands again'],
    ['ctl clock run factor=0.1', 'simulated steps take a tenth of their time'],
    ['ctl inject FAULT', 'what the fault does, and its parameters; one without any begins'],
    [
      'ctl inject engine.reserve-kv share=0.95 --engine 1 --for 30s',
      'blocks that are really taken',
    ],
    ['ctl faults', 'the faults that are active, with their handles, and all that there are'],
    ['ctl faults engine.kill', 'what a fault does, and how it is injected; injects nothing'],
    ['ctl clear [HANDLE]', 'ends a fault, a load or a scenario; without a handle, all faults'],
    ['ctl load rate=20/s prompt_tokens=512 output_tokens=128 --for 30s', 'a load'],
    ['ctl scenario FILE', 'plays and judges a scenario file'],
  ],
  flags: [{ title: 'Control', flags: FLAGS }],
  async run(words) {
    const own = parseOwnFlags(words, FLAGS, 'ctl');
    const [what, ...rest] = own.positionals;
    const last = (name: string): string | undefined => own.flags.get(name)?.at(-1);
    const server = new TwinServer(
      last('url') ?? DEFAULT_URL,
      last('api-key') ?? process.env['VLLM_API_KEY'] ?? null,
    );
    const act = Object.hasOwn(WORDS, what ?? '') ? WORDS[what as keyof typeof WORDS] : null;
    if (act === null) {
      const known = Object.keys(WORDS).join(', ');
      const message =
        what === undefined
          ? `ctl: expects one of ${known}; see ctl --help`
          : `ctl: '${[what, ...rest].join(' ')}' begins with none of ${known}; see ctl --help`;
      throw new ConfigError('E_BAD_FLAG', message);
    }
    try {
      return await act({
        server,
        words: rest,
        engine: rankOf(last('engine')),
        duration: durationOf(last('for')),
        isJson: last('json') === 'true',
      });
    } finally {
      server.close();
    }
  },
};

/** What may stand first. */
const WORDS = {
  state: showState,
  clock: runClock,
  faults: listFaults,
  inject: injectFault,
  clear: clearFaults,
  load: runLoad,
  // What reads YAML is loaded for those who have a file.
  scenario: async (call: CtlCall) => (await import('./scenario-words.ts')).playScenario(call),
} as const satisfies Record<string, (call: CtlCall) => Promise<number>>;

async function runClock({ server, words, engine, duration, isJson }: CtlCall): Promise<number> {
  if (duration !== null) throw new ConfigError('E_BAD_FLAG', 'ctl clock takes no --for');
  const change = readClockWords(words);
  if (change === null) return showClocks(server, engine, isJson);
  const request: ClockRequest = { ...change, ...(engine === null ? {} : { engine }) };
  const answer = await server.ask('POST', 'clock', request);
  if (answer.status !== 200) return refused(answer);
  const { clocks } = answer.body as { readonly clocks: Readonly<Record<string, ClockState>> };
  writeClocks(clocks, isJson);
  return 0;
}

async function showClocks(
  server: TwinServer,
  engine: number | null,
  isJson: boolean,
): Promise<number> {
  const answer = await server.ask('GET', 'state');
  if (answer.status !== 200) return refused(answer);
  const { engines } = answer.body as TwinState;
  const known = engines.filter(({ rank, clock }) => clock !== null && (engine ?? rank) === rank);
  if (known.length === 0) {
    process.stderr.write(
      `vllm-twin: ${engine === null ? 'no engine' : `engine ${engine}`} has a clock that can be seen\n`,
    );
    return 1;
  }
  writeClocks(
    Object.fromEntries(known.map(({ rank, clock }) => [rank, clock as ClockState])),
    isJson,
  );
  return 0;
}

function writeClocks(clocks: Readonly<Record<string, ClockState>>, isJson: boolean): void {
  if (isJson) {
    writeJson({ clocks });
    return;
  }
  for (const [rank, { state, factor, steps_left: stepsLeft }] of Object.entries(clocks)) {
    const left = stepsLeft > 0 ? `, ${stepsLeft} steps to go` : '';
    process.stdout.write(`engine ${rank}: ${state}, factor ${factor}${left}\n`);
  }
}

async function showState({ server, words, isJson }: CtlCall): Promise<number> {
  if (words.length > 0)
    throw new ConfigError(
      'E_BAD_FLAG',
      `ctl: 'state ${words.join(' ')}': state takes no words; see ctl --help`,
    );
  const answer = await server.ask('GET', 'state');
  if (answer.status !== 200) return refused(answer);
  const state = answer.body as TwinState;
  if (isJson) {
    process.stdout.write(`${JSON.stringify(state)}\n`);
    return 0;
  }
  process.stdout.write(`${state.model}, vLLM ${state.vllm_version}, ${state.phase}\n`);
  for (const engine of state.engines) {
    const tokens = engine.kv_cache_size_tokens?.toLocaleString('en-US') ?? '-';
    process.stdout.write(
      `engine ${engine.rank}: ${engine.state}, ${engine.gpu ?? 'unknown GPU'}, kv_cache_size_tokens ${tokens}, ` +
        `running ${engine.num_requests_running}, waiting ${engine.num_requests_waiting}, ` +
        `KV usage ${(engine.kv_cache_usage_perc * 100).toFixed(1)} %\n`,
    );
  }
  return 0;
}

/** Throws E_BAD_FLAG. */
function rankOf(word: string | undefined): number | null {
  if (word === undefined) return null;
  if (/^\d{1,5}$/.test(word)) return Number(word);
  throw new ConfigError(
    'E_BAD_FLAG',
    `--engine '${word}': expected the rank of an engine, 0 or more`,
  );
}

/** Throws E_BAD_FLAG. */
function durationOf(word: string | undefined): string | null {
  if (word === undefined) return null;
  if (readDuration(word) !== null) return word;
  throw new ConfigError('E_BAD_FLAG', `--for '${word}': expected ${DURATION_FORM}`);
}
