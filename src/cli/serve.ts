/** `vllm-twin serve [MODEL]`: engines and a frontend, or with --headless engines only. */
import { kvEventsConfigOf } from '../engine-core/kv-events-config.ts';
import type { StartedServer } from '../frontend/frontend.ts';
import { checkBalancingFlags } from '../frontend/launch/api-server-count.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { kvTransferConfigOf } from '../shared/config/kv-transfer-config.ts';
import { resolveNodes } from '../shared/config/node-args.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import { ConfigError } from '../shared/errors.ts';
import { checkRecordFolder } from '../shared/tap/recording-file.ts';
import type { Command } from './command.ts';
import { exitWithStdin } from './exit-with-stdin.ts';
import { CONFIG_FLAG, registryFlagGroups } from './flags/registry-flags.ts';
import { readServeArgs } from './flags/serve-args.ts';

export const serveCommand: Command = {
  name: 'serve',
  usage: 'serve [MODEL] [flags]',
  summary: 'Start engine cores and the OpenAI-compatible frontend with its /metrics.',
  positional: 'model',
  readsSettings: true,
  examples: [
    ['serve', 'one engine of Qwen/Qwen3-0.6B on an H100, at http://127.0.0.1:8000'],
    [
      'serve meta-llama/Llama-3.1-8B --gpu L4 --max-model-len auto',
      'the longest context that fits',
    ],
    [
      'serve --data-parallel-size 2 --engine-overrides \'{"1": {"gpu": "L4"}}\'',
      'two unequal engines',
    ],
    ['serve --scenario FILE.yaml', 'faults, load and expectations: a test with an exit code'],
    [
      'serve --headless --data-parallel-size 2 --data-parallel-size-local 2 --data-parallel-address 127.0.0.1 --data-parallel-rpc-port 29550',
      "two engines that join somebody's frontend",
    ],
  ],
  get flags() {
    const [own, ...others] = registryFlagGroups();
    const command = { title: 'Command', flags: [CONFIG_FLAG] };
    return own === undefined ? [command] : [own, command, ...others];
  },
  async run(words) {
    const read = await readServeArgs(words, process.env);
    const { scenario } = read;
    const { args, isWorkerNode } = resolveNodes(withLogFormat(read.args));
    kvEventsConfigOf(args.kvEventsConfig);
    kvTransferConfigOf(args);
    if (args.record !== null) checkRecordFolder(args.record);
    if (read.notes.length + read.warnings.length > 0) {
      const { createLogger } = await import('../shared/logger.ts');
      const logger = createLogger({
        level: args.logLevel,
        format: args.logFormat,
        bindings: { process: args.headless ? 'Headless' : 'APIServer' },
      });
      for (const note of read.notes) logger.info(note);
      for (const warning of read.warnings) logger.warn(warning);
    }
    if (args.exitWithStdin) exitWithStdin(args);
    if (args.dataParallelMultiPortExternalLb) {
      refuseSteps(args, '--data-parallel-multi-port-external-lb starts several servers');
      refuseScenario(scenario, '--data-parallel-multi-port-external-lb starts several servers');
      return runSupervisor(args);
    }
    checkBalancingFlags(args);
    if (args.headless && isWorkerNode) {
      refuseSteps(args, 'a worker node shakes no hands');
      refuseScenario(scenario, 'a worker node has no engine');
      return runWorkers(args);
    }
    // As vLLM: no API server is what --headless has.
    if (args.headless || args.apiServerCount === 0) return runHeadless(args, scenario);
    return scenario === null ? runFrontend(args) : runScenarioOf(args, scenario);
  },
};

/** Where no process could hold the frames of a start-up. Throws E_BAD_FLAG. */
function refuseSteps({ handshakeStep }: EngineArgs, why: string): void {
  if (handshakeStep) throw new ConfigError('E_BAD_FLAG', `--handshake-step: ${why}; leave it out`);
}

/** Only this process sees the terminal: the others write to it through a pipe. */
function withLogFormat(args: EngineArgs): EngineArgs {
  if (args.logFormat !== 'auto') return args;
  return Object.freeze({ ...args, logFormat: process.stderr.isTTY ? 'pretty' : 'json' } as const);
}

/** Where no server or engine of this command could play it. Throws E_BAD_FLAG. */
function refuseScenario(scenario: Scenario | null, why: string): void {
  if (scenario !== null) throw new ConfigError('E_BAD_FLAG', `--scenario: ${why}; leave it out`);
}

async function runFrontend(args: EngineArgs): Promise<number> {
  const { runServe } = await import('../frontend/main.ts');
  return runServe(args, { onStarted: (server) => welcome(args, server) });
}

async function runScenarioOf(args: EngineArgs, scenario: Scenario): Promise<number> {
  const { runScenario } = await import('./scenario/run-scenario.ts');
  return runScenario(args, scenario, (server) => welcome(args, server));
}

function welcome(args: EngineArgs, server: StartedServer): void {
  const isWelcome = args.logFormat === 'pretty' && args.logLevel !== 'silent';
  if (isWelcome && process.stderr.isTTY) void writeSummary(args, server);
}

/** A person at a terminal reads a table sooner than the log. */
async function writeSummary(args: EngineArgs, server: StartedServer): Promise<void> {
  const { startSummary } = await import('./start-summary.ts');
  process.stderr.write(startSummary(args, server));
}

async function runWorkers(args: EngineArgs): Promise<number> {
  const { runWorkerNode } = await import('./worker-node.ts');
  return runWorkerNode(args);
}

async function runSupervisor(args: EngineArgs): Promise<number> {
  const { runDpSupervisor } = await import('../frontend/dp-supervisor/supervisor.ts');
  return runDpSupervisor(args);
}

async function runHeadless(args: EngineArgs, scenario: Scenario | null): Promise<number> {
  const { runHeadlessEngines } = await import('./headless.ts');
  return runHeadlessEngines(args, scenario);
}
