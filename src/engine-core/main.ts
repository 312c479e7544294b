/**
 * An engine-core process: shakes hands, sizes and allocates its KV cache, says it is ready, and runs until it is told to
 * stop, its parent or its frontend is gone, or it breaks. Exit codes as vLLM's: 0 after a signal, 1 otherwise.
 * Source: vllm/v1/engine/core.py EngineCoreProc.run_engine_core (0.33.0).
 */
import { systemClock } from '../shared/clock.ts';
import {
  type EngineProcessConfig,
  engineProcessConfigSchema,
} from '../shared/config/engine-process-config.ts';
import { readProcessArgument } from '../shared/config/process-argument.ts';
import { CONFIG_EXIT_CODE, TwinError } from '../shared/errors.ts';
import { createLogger, type Logger } from '../shared/logger.ts';
import { WIRE_VERSIONS } from '../shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../shared/protocol/wire-codec.ts';
import { createProcessTap } from '../shared/tap/process-tap.ts';
import { ChildStepGate, type StepGate } from '../shared/tap/step-gate.ts';
import { createStepWords } from '../shared/tap/step-words.ts';
import { stepTransport } from '../shared/tap/stepped-transport.ts';
import type { Tap } from '../shared/tap/tap.ts';
import { tapTransport } from '../shared/tap/tapped-transport.ts';
import { systemTimers } from '../shared/timers.ts';
import type { Transport } from '../shared/transport/transport.ts';
import { createZmqTransport } from '../shared/transport/zmq.ts';
import { LifeLine } from './life-line.ts';
import { serveUntilDone, startEngine } from './start-engine.ts';
import { ThreadCompiler } from './structured-output/thread-compiler.ts';

/** Resolves with the exit code once the engine is done and its sockets are closed. */
async function run(
  config: EngineProcessConfig,
  { logger, lifeLine, tap }: { logger: Logger; lifeLine: LifeLine; tap: Tap },
): Promise<number> {
  const tapped = tapTransport(createZmqTransport(), tap);
  const gate = config.args.handshakeStep ? new ChildStepGate(process) : null;
  const engine = await startEngine(config, {
    transport: gate === null ? tapped : stepped(tapped, gate, config),
    codec: createWireCodec(WIRE_VERSIONS[config.args.vllmVersion]),
    clock: systemClock,
    timers: systemTimers,
    logger,
    tap,
    gate,
    onConnection: (isConnected) => lifeLine.onConnection(isConnected),
    createGrammarCompiler: async (folder) => new ThreadCompiler(folder),
    reportChannel: process,
    ending: {
      kill: () => process.kill(process.pid, 'SIGKILL'),
      exit: (code) => process.exit(code),
    },
  });
  lifeLine.onShutdown(() => engine.proc.requestShutdown());
  return serveUntilDone(engine, logger);
}

function stepped(
  transport: Transport,
  gate: StepGate,
  { rank, args }: EngineProcessConfig,
): Transport {
  const words = createStepWords({ process: 'engine', rank }, WIRE_VERSIONS[args.vllmVersion]);
  return stepTransport(transport, { gate, words });
}

/** An engine that cannot start says why in one line: 2 for what the user wrote, 1 for what failed. */
function failToStart(error: unknown, logger: Logger): never {
  if (error instanceof TwinError) {
    logger.error(`EngineCore failed to start: ${error.message}`);
    process.exit(error.family === 'config' ? CONFIG_EXIT_CODE : 1);
  }
  logger.error({ err: error }, 'EngineCore failed to start.');
  process.exit(1);
}

function main(): void {
  const config = readProcessArgument(engineProcessConfigSchema(), 'an engine core');
  const { vllmVersion, logLevel, logFormat, dataParallelSize } = config.args;
  const { record, tap: ringFrames } = config.args;
  const name = dataParallelSize > 1 ? `EngineCore_DP${config.rank}` : 'EngineCore';
  process.title = `VLLM::${name}`;
  const logger = createLogger({ level: logLevel, format: logFormat, bindings: { process: name } });
  const lifeLine = new LifeLine(logger, config.privateDirectory);
  const tap = createProcessTap({
    process: name,
    vllmVersion,
    record,
    ringFrames,
    clock: systemClock,
    logger,
  });
  run(config, { logger, lifeLine, tap }).then(
    (exitCode) => lifeLine.end(exitCode),
    (error: unknown) => failToStart(error, logger),
  );
}

main();
