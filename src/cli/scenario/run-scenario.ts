/**
 * `serve --scenario FILE`: outlives the server that it starts, so that what the scenario expects is judged also when a fault
 * has ended it. With expectations it ends when the scenario is over, with 0 or 1; without any the server goes on serving.
 */

import type { StartedServer } from '../../frontend/frontend.ts';
import { readHttpEnv } from '../../frontend/http/http-env.ts';
import { changesRefusedBecause, twinAccessOf } from '../../frontend/http/twin-access.ts';
import { describeExit } from '../../frontend/launch/child.ts';
import { systemFacts, watchLauncher } from '../../frontend/launch/launcher-watch.ts';
import { StopRequest } from '../../frontend/launch/stop-request.ts';
import { ownServerPlace } from '../../frontend/own-server-place.ts';
import { describeEvent } from '../../scenario/describe-step.ts';
import { engineProblem } from '../../scenario/engine-problem.ts';
import { HttpTarget } from '../../scenario/http-target.ts';
import { ScenarioPlayer } from '../../scenario/player.ts';
import { hasExpectations, type Scenario, startFaultsOf } from '../../scenario/scenario.ts';
import { systemClock } from '../../shared/clock.ts';
import type { EngineArgs } from '../../shared/config/registry.ts';
import { ConfigError } from '../../shared/errors.ts';
import { createLogger, type Logger } from '../../shared/logger.ts';
import { systemTimers } from '../../shared/timers.ts';
import { ScenarioServer } from './scenario-server.ts';

interface Run {
  readonly args: EngineArgs;
  readonly scenario: Scenario;
  readonly logger: Logger;
  readonly stop: StopRequest;
  readonly server: ScenarioServer;
  /** Resolves with the exit code of a server that ended by itself. */
  readonly ended: Promise<number>;
}

/** Resolves with the exit code. Throws E_BAD_FLAG where the settings do not let the scenario be played, and what ends a start. */
export async function runScenario(
  args: EngineArgs,
  scenario: Scenario,
  onStarted: (server: StartedServer) => void,
): Promise<number> {
  checkSettings(args, scenario);
  const logger = createLogger({
    level: args.logLevel,
    format: args.logFormat,
    bindings: { process: 'Scenario' },
  });
  let onEnd: (exitCode: number) => void = () => {};
  const ended = new Promise<number>((resolve) => {
    onEnd = resolve;
  });
  const server = new ScenarioServer(
    { ...args, scenario: null },
    startFaultsOf(scenario),
    (exit) => {
      logger.error(`The server ended with ${describeExit(exit)}`);
      onEnd(exit.exitCode ?? 1);
    },
  );
  const stop = new StopRequest();
  const kill = (): void => server.kill();
  stop.listenToSignals(process, (exitCode) => {
    kill();
    process.exit(exitCode);
  });
  const stopWatching = watchLauncher(systemFacts(), (name) =>
    stop.request({ kind: 'launcher', message: `${name}, which started it, is gone` }),
  );
  process.once('exit', kill);
  try {
    return await run({ args, scenario, logger, stop, server, ended }, onStarted);
  } finally {
    await server.stop();
    process.off('exit', kill);
    stopWatching();
    stop.stopListening();
  }
}

async function run(parts: Run, onStarted: (server: StartedServer) => void): Promise<number> {
  const { scenario, stop, server } = parts;
  const starting = server.start();
  starting.catch(() => {});
  const isAsked = stop.requested.then(() => null);
  const started = await Promise.race([starting, isAsked]);
  if (started === null) return hasExpectations(scenario) ? 1 : 0;
  process.stdout.write(`${started.address}\n`);
  onStarted(started);
  return playOn(parts, started.address);
}

async function playOn(parts: Run, address: string): Promise<number> {
  const { args, scenario, logger, stop, server, ended } = parts;
  const target = new HttpTarget({
    place: ownServerPlace(args, readHttpEnv(process.env), address),
    clock: systemClock,
    timers: systemTimers,
    restart: async () => {
      await server.stop();
      await server.start();
    },
  });
  const { name } = scenario;
  const player = new ScenarioPlayer({
    scenario,
    target,
    clock: systemClock,
    timers: systemTimers,
    onEvent: (event) => {
      const line = `Scenario ${name}: ${describeEvent(event)}`;
      if (event.kind === 'unmet') logger.error(line);
      else logger.info(line);
    },
  });
  const isJudged = hasExpectations(scenario);
  const playing = player.play();
  const first = await Promise.race([
    ...(isJudged ? [playing] : [ended]),
    stop.requested.then(() => null),
  ]);
  if (first === null) logger.info(`Scenario ${name}: told to stop`);
  player.stop();
  const isPassed = await playing;
  target.close();
  // The verdict is the last that is said.
  await server.stop();
  if (!isJudged) return typeof first === 'number' ? first : 0;
  if (isPassed) logger.info(`Scenario ${name}: passed`);
  else logger.error(`Scenario ${name}: failed, unmet: step ${stepsOf(player)}`);
  return isPassed ? 0 : 1;
}

function stepsOf({ unmet }: ScenarioPlayer): string {
  return unmet.map(({ step }) => step).join(', ');
}

/** Throws E_BAD_FLAG. */
function checkSettings(args: EngineArgs, scenario: Scenario): void {
  const file = `--scenario ${args.scenario ?? ''}`;
  const bad = (message: string): never => {
    throw new ConfigError('E_BAD_FLAG', `${file}: ${message}`);
  };
  if (args.handshakeStep)
    bad('--handshake-step holds a start-up for a person, and a scenario has none; leave it out');
  const problem = engineProblem(scenario, args.dataParallelSize);
  if (problem !== null) bad(problem.message);
  const step = scenario.steps.find(({ action }) => action.kind === 'inject');
  if (step === undefined) return;
  if (args.faults === 'none')
    bad(`step ${step.number} injects a fault, and --faults none removes all of them; leave it out`);
  const closed = changesRefusedBecause(twinAccessOf(args, { hasKeys: false }));
  if (closed !== null) bad(`step ${step.number} injects a fault, but ${closed}`);
}
