/** Steps and what came of them, in the words of a log. Pure. */
import { describeDuration } from '../shared/duration.ts';
import { describeExpectation } from './expectation.ts';
import type { Load, TokenLength } from './load.ts';
import type { StepAction } from './scenario.ts';
import type { ScenarioEvent } from './scenario-event.ts';

export function describeAction(action: StepAction): string {
  switch (action.kind) {
    case 'restart':
      return 'restart server';
    case 'expect':
      return `expect ${describeExpectation(action.expectation)}`;
    case 'load':
      return `load ${describeLoad(action.load)}`;
    case 'inject': {
      const { fault, engine, forMs, parameters } = action.injection;
      return [
        `inject ${fault}`,
        ...Object.entries(parameters)
          .filter(([, value]) => value !== null)
          .map(
            ([name, value]) =>
              `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`,
          ),
        ...(engine === null ? [] : [`of engine ${engine}`]),
        ...(forMs === null ? [] : [`for ${describeDuration(forMs)}`]),
      ].join(' ');
    }
  }
}

export function describeLoad({ rate, promptTokens, outputTokens, forMs }: Load): string {
  const { from, to, overMs } = rate;
  const pace = overMs === 0 ? `${from}/s` : `${from}/s to ${to}/s over ${describeDuration(overMs)}`;
  const tokens = `${lengthWords(promptTokens)} + ${lengthWords(outputTokens)} tokens`;
  return `${pace} of ${tokens}${forMs === null ? '' : ` for ${describeDuration(forMs)}`}`;
}

function lengthWords(length: TokenLength): string {
  if (length.kind === 'constant') return String(length.tokens);
  if (length.kind === 'uniform') return `${length.min}..${length.max}`;
  return `${length.mean}~${length.stddev}`;
}

/** `12.5 s: step 3 unmet: expected … , got …`. */
export function describeEvent(event: ScenarioEvent): string {
  if (event.kind === 'unmet')
    return `${seconds(event.at_ms)}: step ${event.step} unmet: expected ${event.expected}, got ${event.got}`;
  const what = event.kind === 'met' ? `met: ${event.what}, got ${event.got}` : event.what;
  return `${seconds(event.atMs)}: step ${event.step} ${what}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
