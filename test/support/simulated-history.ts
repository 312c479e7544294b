/** A simulated deployment as a Prometheus would have stored it, by `vllm-twin simulate`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { RunningProcess } from './process.ts';
import { CLI_MAIN } from './twin.ts';

const SIMULATION_MS = 60_000;

export interface SimulatedHistory {
  /** A scenario file. */
  readonly scenario: string;
  readonly duration: string;
  /** Of serve, over those of the scenario. */
  readonly flags?: readonly string[];
  /** Where its scrapes go, as OpenMetrics with times. */
  readonly openmetrics: string;
  /** Where the same goes as series of a promtool test, if anywhere. */
  readonly series?: string;
  /** Labels of the target in the place of simulate's own: as service discovery would give them. */
  readonly target: Readonly<Record<string, string>>;
}

export async function simulateHistory({
  scenario,
  duration,
  flags = [],
  openmetrics,
  series,
  target,
}: SimulatedHistory): Promise<void> {
  const outputs = [
    '--openmetrics',
    openmetrics,
    ...(series === undefined ? [] : ['--series', series]),
  ];
  const words = [CLI_MAIN, 'simulate', scenario, '--duration', duration, ...outputs, ...flags];
  const simulation = new RunningProcess(process.execPath, words);
  const { code } = await simulation.waitForExit(SIMULATION_MS);
  expect(code, `${scenario}\n${simulation.log}`).toBe(0);
  const labels = Object.entries(target).map(([name, value]) => `${name}="${value}"`);
  const text = readFileSync(openmetrics, 'utf8');
  writeFileSync(
    openmetrics,
    text.replaceAll(/(?<=[{,])instance="[^"]*",job="[^"]*"/g, labels.join(',')),
  );
}
