/** `ctl scenario FILE`: plays a scenario on a server that runs, and judges it, to the end. */
import { describeEvent } from '../../scenario/describe-step.ts';
import { HttpTarget } from '../../scenario/http-target.ts';
import { ScenarioPlayer } from '../../scenario/player.ts';
import { startProblem } from '../../scenario/scenario.ts';
import { readScenarioFile } from '../../scenario/scenario-file.ts';
import { systemClock } from '../../shared/clock.ts';
import { ConfigError } from '../../shared/errors.ts';
import { systemTimers } from '../../shared/timers.ts';
import { wrap } from '../text-layout.ts';
import { bad, type CtlCall, refused, refuseFlags, writeJson, writeLines } from './ctl-call.ts';

export async function playScenario(call: CtlCall): Promise<number> {
  refuseFlags('scenario', call);
  const [file, extra] = call.words;
  if (file === undefined || extra !== undefined)
    throw bad(`scenario: expects one FILE, got '${call.words.join(' ')}'`);
  const scenario = readScenarioFile(file);
  // Flags are the business of whoever started the server.
  const problem = startProblem({ ...scenario, flags: [] });
  if (problem !== null) throw new ConfigError('E_BAD_FILE', `${file}: ${problem.message}`);
  const { server, isJson } = call;
  const state = await server.ask('GET', 'state');
  if (state.status !== 200) return refused(state);
  const target = new HttpTarget({
    place: server.place,
    clock: systemClock,
    timers: systemTimers,
    restart: null,
  });
  const player = new ScenarioPlayer({
    scenario,
    target,
    clock: systemClock,
    timers: systemTimers,
    onEvent: (event) => {
      if (!isJson) writeLines(wrap(describeEvent(event)));
    },
  });
  const stop = (): void => player.stop();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  const isPassed = await player.play();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
  target.close();
  const verdict = isPassed ? 'passed' : 'failed';
  if (isJson) writeJson({ name: scenario.name, state: verdict, unmet: player.unmet });
  else writeLines([`${scenario.name}: ${verdict}`]);
  return isPassed ? 0 : 1;
}
