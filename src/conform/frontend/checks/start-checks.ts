/** What the handshake has to be like: answers to HELLO, and engines that report in any order and late. */
import { isBefore } from '../../../shared/version.ts';
import { compared, NotApplicable, outcome } from '../compared.ts';
import type { FrontendCheck } from '../frontend-check.ts';
import type { FrontendRun } from '../frontend-run.ts';
import type { ScriptedEngine } from '../scripted-engine.ts';

const STARTUP = 'vllm/v1/engine/utils.py wait_for_engine_startup';
const METADATA = 'vllm/v1/engine/utils.py EngineHandshakeMetadata';
const PARALLEL_KEYS = [
  'data_parallel_master_ip',
  'data_parallel_master_port',
  '_data_parallel_master_port_list',
  'data_parallel_size',
];
/** Since 0.32.0. */
const STORE_KEY = '_coord_store_port';
/** What vLLM's sockets are bound to, seen from an engine. */
const ADDRESS = /^(tcp:\/\/\S+:[1-9]\d*|ipc:\/\/\S+)$/;

const initOf = ({ inits }: ScriptedEngine) => inits[0]?.value ?? null;

function addressesOf(run: FrontendRun) {
  const init = initOf(run.engines[0] as ScriptedEngine);
  if (init === null) throw new NotApplicable('no INIT that can be read');
  return init.addresses;
}

function areSound({ inputs, outputs }: ReturnType<typeof addressesOf>): boolean {
  const areAddresses = [...inputs, ...outputs].every((address) => ADDRESS.test(address));
  return inputs.length > 0 && inputs.length === outputs.length && areAddresses;
}

export const START_CHECKS: readonly FrontendCheck[] = [
  {
    id: 'frontend.init.once',
    does: 'Each HELLO of a new engine is answered with one INIT, to the identity that said it.',
    source: STARTUP,
    isOfStart: true,
    run: ({ engines, seen: { numInitsBeforeSpoil } }) =>
      compared(
        numInitsBeforeSpoil ?? engines.map(({ inits }) => inits.length),
        engines.map(() => 1),
      ),
  },
  {
    id: 'frontend.init.form',
    does: "INIT is one frame, a map of addresses and parallel_config with this version's types.",
    source: METADATA,
    isOfStart: true,
    run({ engines }) {
      const problems = engines.flatMap(({ inits }) =>
        inits.flatMap(({ problem }) => problem ?? []),
      );
      if (engines.every(({ inits }) => inits.length === 0)) return outcome(false, 'INIT', 'none');
      return outcome(problems.length === 0, 'no fault in any', problems[0] ?? 'no fault in any');
    },
  },
  {
    id: 'frontend.init.addresses',
    does: 'INIT names an input and an output for each API server: as many of one as of the other.',
    source: 'vllm/v1/engine/utils.py EngineZmqAddresses',
    isOfStart: true,
    run(run) {
      const addresses = addressesOf(run);
      const { inputs, outputs } = addresses;
      const expected = 'as many inputs as outputs, each tcp://HOST:PORT or ipc://PATH';
      return outcome(areSound(addresses), expected, { inputs, outputs });
    },
  },
  {
    id: 'frontend.init.same',
    does: 'Every engine gets the same addresses.',
    source: STARTUP,
    isOfStart: true,
    run(run) {
      run.needSeveralEngines();
      const all = run.engines.map((engine) => initOf(engine)?.addresses ?? null);
      if (all.includes(null)) throw new NotApplicable('no INIT that can be read for each engine');
      const expected = 'the same for every engine';
      const texts = new Set(all.map((addresses) => JSON.stringify(addresses)));
      return outcome(texts.size === 1, expected, texts.size === 1 ? expected : all);
    },
  },
  {
    id: 'frontend.init.coordinator',
    does: 'INIT names the coordinator by its input and its output, or by neither.',
    source: 'vllm/v1/engine/utils.py launch_core_engines',
    isOfStart: true,
    run(run) {
      const { coordinatorInput, coordinatorOutput } = addressesOf(run);
      const isPair = (coordinatorInput === null) === (coordinatorOutput === null);
      return outcome(isPair, 'both or neither', { coordinatorInput, coordinatorOutput });
    },
  },
  {
    id: 'frontend.init.parallel_config',
    does: 'parallel_config is empty but for mixture-of-experts ranks, who get the settings of their meeting.',
    source: STARTUP,
    isOfStart: true,
    run({ engines, options }) {
      const config = initOf(engines[0] as ScriptedEngine)?.parallelConfig;
      if (config === undefined) throw new NotApplicable('no INIT that can be read');
      const isOlder = isBefore(options.version.vllmVersion, '0.32.0');
      const wanted = isOlder ? PARALLEL_KEYS : [...PARALLEL_KEYS, STORE_KEY];
      const keys = Object.keys(config);
      const isWhole =
        wanted.every((key) => keys.includes(key)) &&
        keys.length === wanted.length &&
        config['data_parallel_size'] === engines.length &&
        typeof config['data_parallel_master_ip'] === 'string';
      const expected = `{} or all of ${wanted.join(', ')}, with data_parallel_size ${engines.length}`;
      return outcome(keys.length === 0 || isWhole, expected, config);
    },
  },
  {
    id: 'frontend.start.waits',
    does: 'Nothing is served before the last engine has reported.',
    source: `${STARTUP}; vllm/v1/engine/core_client.py MPClient.__init__`,
    run(run) {
      run.needHttp();
      const { statusesWhileStarting } = run.seen;
      const isWaiting = statusesWhileStarting.every((status) => status !== 200);
      return outcome(isWaiting, 'no 200 of /health', { statuses: statusesWhileStarting });
    },
  },
  {
    id: 'frontend.start.order',
    does: 'Engines may report in any order, and one of them late: then completions are answered.',
    source: 'vllm/v1/engine/core_client.py MPClient.__init__',
    run(run) {
      run.needHttp();
      const { isServing, whyNotServed } = run.seen;
      if (!isServing && !areSound(addressesOf(run)))
        throw new NotApplicable('INIT names no such addresses, which init.addresses tells');
      const got = isServing ? 'they are' : `they are not: ${whyNotServed ?? 'none was asked for'}`;
      return outcome(isServing, 'completions are answered', got);
    },
  },
  {
    id: 'frontend.start.health',
    does: '/health answers 200 once all engines have reported.',
    source: 'vllm/entrypoints/serve/instrumentator/health.py health',
    async run(run) {
      run.needAlive();
      const { status } = await run.http.get('/health', run.budget());
      return compared(status, 200);
    },
  },
  {
    id: 'frontend.ready.more_keys',
    does: 'Keys of a ready response that this version does not have are ignored.',
    source: 'vllm/v1/engine/core_client.py MPClient._apply_ready_response',
    run(run) {
      run.needHttp();
      const { hasTakenMoreKeys } = run.seen;
      const got =
        hasTakenMoreKeys === true ? 'the engine is ready' : 'it had to say it again without them';
      if (hasTakenMoreKeys === null) throw new NotApplicable('the frontend serves nothing');
      return outcome(hasTakenMoreKeys, 'the engine is ready', got);
    },
  },
  {
    id: 'frontend.handshake.closed',
    does: 'After the start nobody answers on the handshake socket: not a second HELLO, nor garbage; and nothing breaks.',
    source: 'vllm/v1/engine/utils.py launch_core_engines',
    async run(run) {
      const [engine] = run.engines;
      if (engine === undefined) throw new NotApplicable('there is no engine');
      run.needAlive();
      const before = engine.inits.length;
      engine.hello();
      engine.sendHandshake([Buffer.from('no msgpack')]);
      await run.quiet(150);
      const answers = engine.inits.length - before;
      const status = run.hasHttp ? (await run.complete({ max_tokens: 1 })).status : 200;
      return compared({ answers, status }, { answers: 0, status: 200 });
    },
  },
];
