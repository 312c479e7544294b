/** `vllm-twin ctl`: looks at a running twin, and changes its clock, from a shell. */
import { ConfigError } from '../../shared/errors.ts';
import type { ClockState } from '../../shared/twin-api/engine-views.ts';
import type { ClockRequest, TwinState } from '../../shared/twin-api/state.ts';
import type { Command, CommandFlag } from '../command.ts';
import { type OwnFlags, parseOwnFlags } from '../flags/own-flags.ts';
import { CLOCK_WORDS, readClockWords } from './clock-words.ts';
import { type ServerAnswer, TwinServer } from './twin-server.ts';

const DEFAULT_URL = 'http://127.0.0.1:8000';

const FLAGS: readonly CommandFlag[] = [
  { name: 'url', takes: 'value', doc: `The server; default ${DEFAULT_URL}, or unix:/path.` },
  { name: 'engine', takes: 'value', doc: 'Only the engine of this rank; default: all.' },
  { name: 'api-key', takes: 'value', doc: "The server's key; default: VLLM_API_KEY." },
  { name: 'json', takes: 'switch', doc: 'The answer as JSON.' },
];

export const ctlCommand: Command = {
  name: 'ctl',
  usage: 'ctl clock [pause | run | step N | factor=F] | state [flags]',
  summary: 'Look at a running twin, pause, step or speed up its engines.',
  positional: null,
  readsSettings: false,
  examples: [
    ['ctl state', 'what each engine says of itself'],
    ['ctl clock pause', 'no engine steps any more; requests wait'],
    ['ctl clock step 3 --engine 1', 'three steps of engine 1, then it stands again'],
    ['ctl clock run factor=0.1', 'simulated steps take a tenth of their time'],
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
    const isJson = last('json') === 'true';
    if (what === 'state' && rest.length === 0) return showState(server, isJson);
    if (what === 'clock') return runClock(server, rest, own, isJson);
    throw new ConfigError(
      'E_BAD_FLAG',
      what === undefined
        ? 'ctl: expects clock or state; see ctl --help'
        : `ctl: '${[what, ...rest].join(' ')}' is neither clock (${CLOCK_WORDS}) nor state; see ctl --help`,
    );
  },
};

async function runClock(
  server: TwinServer,
  words: readonly string[],
  own: OwnFlags,
  isJson: boolean,
): Promise<number> {
  const change = readClockWords(words);
  const engine = rankOf(own.flags.get('engine')?.at(-1));
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
    process.stdout.write(`${JSON.stringify({ clocks })}\n`);
    return;
  }
  for (const [rank, { state, factor, steps_left: stepsLeft }] of Object.entries(clocks)) {
    const left = stepsLeft > 0 ? `, ${stepsLeft} steps to go` : '';
    process.stdout.write(`engine ${rank}: ${state}, factor ${factor}${left}\n`);
  }
}

async function showState(server: TwinServer, isJson: boolean): Promise<number> {
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

/** The server's own words; exit code 1. */
function refused({ status, body }: ServerAnswer): number {
  const message = (body as { readonly error?: { readonly message?: unknown } }).error?.message;
  process.stderr.write(
    `vllm-twin: ${typeof message === 'string' ? message : `status ${status}`}\n`,
  );
  return 1;
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
