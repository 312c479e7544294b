/**
 * `serve --headless`: K engine-core processes of ranks R, R+1, … that join somebody's frontend, and nothing else. They end
 * together: with a signal, with the first that breaks, or when the frontend is gone.
 * Source: vllm/entrypoints/cli/serve.py run_headless (0.33.0).
 */
import { Child, describeExit, STOP_GRACE_MS, stopChildren } from '../frontend/launch/child.ts';
import { HandshakeStepper } from '../frontend/launch/handshake-stepper.ts';
import { systemFacts, watchLauncher } from '../frontend/launch/launcher-watch.ts';
import {
  DEFAULT_DATA_PARALLEL_ADDRESS,
  DEFAULT_DATA_PARALLEL_RPC_PORT,
} from '../frontend/launch/parallel-plan.ts';
import { ReportOrder } from '../frontend/launch/report-order.ts';
import { stepFromTerminal } from '../frontend/launch/step-terminal.ts';
import { isUnderNohup } from '../frontend/launch/stop-request.ts';
import { withoutApiKey } from '../frontend/serve-settings.ts';
import { faultPlanOf, headlessProblem } from '../scenario/headless-plan.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { argsOfRank } from '../shared/config/engine-overrides.ts';
import { encodeProcessConfig } from '../shared/config/engine-process-config.ts';
import type { EngineArgs } from '../shared/config/registry.ts';
import { CONFIG_EXIT_CODE, ConfigError } from '../shared/errors.ts';
import { createLogger, type Logger } from '../shared/logger.ts';
import { ownProgram } from '../shared/own-files.ts';

/** Resolves with the exit code once all engines are gone. */
export async function runHeadlessEngines(
  args: EngineArgs,
  scenario: Scenario | null,
): Promise<number> {
  const logger = createLogger({
    level: args.logLevel,
    format: args.logFormat,
    bindings: { process: 'Headless' },
  });
  const ranks = ranksOf(args);
  checkTerminal(args);
  checkScenario(args, scenario);
  const host = args.dataParallelAddress ?? DEFAULT_DATA_PARALLEL_ADDRESS;
  const handshakeAddress = `tcp://${host}:${args.dataParallelRpcPort ?? DEFAULT_DATA_PARALLEL_RPC_PORT}`;
  logger.info(
    `Launching ${ranks.length} data parallel engine(s) in headless mode, with head node address ${handshakeAddress}.`,
  );
  const modulePath = ownProgram('engine-core/main');
  const children = ranks.map(
    (rank, localRank) =>
      new Child(
        {
          name: `EngineCore_DP${rank}`,
          modulePath,
          args: [
            encodeProcessConfig({
              args: argsOfRank(args, rank),
              rank,
              localRank,
              handshakeAddress,
              clientHandshakeAddress: null,
              privateDirectory: null,
              headless: true,
              faultPlan: scenario === null ? [] : faultPlanOf(scenario, rank),
            }),
          ],
          env: withoutApiKey(process.env),
        },
        (line) => process.stderr.write(`${line}\n`),
      ),
  );
  const stepper = args.handshakeStep ? new HandshakeStepper() : null;
  for (const child of children) stepper?.attach(child);
  const reports = new ReportOrder();
  for (const [index, rank] of ranks.entries()) reports.attach(rank, children[index] as Child);
  const leaveTerminal = stepper === null ? () => {} : stepByEnter(stepper, logger);
  let isStopping = false;
  const stop = (graceMs: number): void => {
    isStopping = true;
    leaveTerminal();
    stepper?.abandon();
    void stopChildren(children, graceMs);
  };
  const graceMs = STOP_GRACE_MS + args.shutdownTimeout * 1000;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (signal === 'SIGHUP' && isUnderNohup(process.env)) return;
      if (!isStopping) logger.info(`[shutdown] Headless: ${signal}, stopping engine cores`);
      stop(isStopping ? 0 : graceMs);
    });
  }
  const stopWatching = watchLauncher(systemFacts(), (name) => {
    logger.info(`[shutdown] ${name}, which started the engines, is gone`);
    stop(graceMs);
  });
  const first = await Promise.race(children.map(({ exited }) => exited));
  if (!isStopping) {
    logger.error(`${first.name} ended with ${describeExit(first)}; the other engines end too`);
    stop(STOP_GRACE_MS);
  }
  const exits = await Promise.all(children.map(({ exited }) => exited));
  stopWatching();
  logger.info('[shutdown] Headless: all engine cores have ended');
  if (exits.every(({ exitCode }) => exitCode === 0)) return 0;
  return first.exitCode === CONFIG_EXIT_CODE ? CONFIG_EXIT_CODE : 1;
}

/** Without a terminal nobody could ever let a frame go: there is no page here. */
function checkTerminal({ handshakeStep }: EngineArgs): void {
  if (!handshakeStep || process.stdin.isTTY) return;
  throw new ConfigError(
    'E_BAD_FLAG',
    '--handshake-step: with --headless the next frame goes with Enter, and standard input is no terminal; start it in ' +
      'a terminal, or leave --handshake-step out',
  );
}

/** Returns what ends it. */
function stepByEnter(stepper: HandshakeStepper, logger: Logger): () => void {
  logger.info(
    "The engines' start-up frames are held: the next goes with Enter. The frontend's own deadlines go on meanwhile",
  );
  return stepFromTerminal(stepper, process, logger, () => {
    logger.info('The terminal gives no input any more: the start-up goes on by itself');
    stepper.finish();
  });
}

/** What needs a server cannot be played without one. Throws E_BAD_FILE. */
function checkScenario(args: EngineArgs, scenario: Scenario | null): void {
  const problem = scenario === null ? null : headlessProblem(scenario, args.dataParallelSize);
  if (problem !== null) throw new ConfigError('E_BAD_FILE', `${args.scenario}: ${problem.message}`);
}

function ranksOf(args: EngineArgs): readonly number[] {
  if (args.dataParallelHybridLb)
    throw new ConfigError(
      'E_BAD_FLAG',
      'data_parallel_hybrid_lb is not applicable in headless mode',
    );
  const start = args.dataParallelStartRank ?? args.dataParallelRank ?? 0;
  const count =
    args.dataParallelSizeLocal ?? (args.dataParallelRank === null ? args.dataParallelSize : 1);
  if (count < 1)
    throw new ConfigError(
      'E_BAD_FLAG',
      '--data-parallel-size-local: must be at least 1 with --headless',
    );
  if (start + count > args.dataParallelSize) {
    throw new ConfigError(
      'E_BAD_FLAG',
      `--data-parallel-start-rank ${start} and ${count} local engine(s) go beyond --data-parallel-size ${args.dataParallelSize}`,
    );
  }
  return Array.from({ length: count }, (_, index) => start + index);
}
