/**
 * How fast the pure core steps: scheduler, KV cache manager, simulated executor with zero latency, outputs built but not
 * encoded. Prints steps/s and tokens/s by running requests, and each as a share of a bare loop that builds equally many
 * outputs and does nothing else, measured in the same run.
 *
 * Run: npx tsx benchmarks/engine-step.ts [--quick]
 */
import { createEngineCoreOutput } from '../src/shared/protocol/defaults.ts';
import {
  add,
  decoding,
  makeCore,
  makePrompt,
  PROMPT_TOKENS,
  turn,
} from './engine-core/measured-core.ts';

const LONG_PROMPT_TOKENS = 2048;
const RUNNING = [1, 64, 256, 1024, 4096] as const;
const quick = process.argv.includes('--quick');
const MEASURE_MS = quick ? 300 : 1500;

interface Figures {
  readonly stepsPerSecond: number;
  readonly tokensPerSecond: number;
  readonly microsecondsPerToken: number;
}

function measure(run: () => number): Figures {
  const start = performance.now();
  let steps = 0;
  let tokens = 0;
  while (performance.now() - start < MEASURE_MS) {
    tokens += run();
    steps += 1;
  }
  const seconds = (performance.now() - start) / 1000;
  return {
    stepsPerSecond: steps / seconds,
    tokensPerSecond: tokens / seconds,
    microsecondsPerToken: (seconds * 1e6) / Math.max(1, tokens),
  };
}

/** Requests that decode all through the measurement; ended ones are replaced. */
function decodeOnly(running: number, asyncScheduling: boolean): Figures {
  return measure(decoding(running, asyncScheduling));
}

/** While `running` requests decode, 2,048-token prompts come and go; `hitShare` of each is a shared prefix. */
function mixed(running: number, hitShare: number): Figures {
  const core = makeCore();
  for (let i = 0; i < Math.min(running, 1000); i += 1) add(core, makePrompt(PROMPT_TOKENS), 8000);
  const prefix = makePrompt(LONG_PROMPT_TOKENS * hitShare);
  const addLong = (): void =>
    add(core, [...prefix, ...makePrompt(LONG_PROMPT_TOKENS - prefix.length)], 1);
  for (let i = 0; i < 40; i += 1) {
    addLong();
    turn(core);
  }
  return measure(() => {
    addLong();
    return turn(core);
  });
}

/** What building the outputs alone costs: the floor under any engine that hands out such objects. */
function bareOutputs(running: number): Figures {
  return measure(() => {
    const outputs = [];
    for (let i = 0; i < running; i += 1) {
      outputs.push(createEngineCoreOutput({ requestId: 'request', newTokenIds: [i] }));
    }
    return outputs.length;
  });
}

function report(name: string, running: number, figures: Figures, bare: Figures): void {
  const share = figures.tokensPerSecond / bare.tokensPerSecond;
  const columns = [
    name.padEnd(26),
    String(running).padStart(7),
    Math.round(figures.stepsPerSecond).toLocaleString('en').padStart(11),
    Math.round(figures.tokensPerSecond).toLocaleString('en').padStart(12),
    figures.microsecondsPerToken.toFixed(3).padStart(9),
    `${(share * 100).toFixed(0)} %`.padStart(8),
  ];
  process.stdout.write(`${columns.join(' ')}\n`);
}

process.stdout.write(
  `${'workload'.padEnd(26)} running     steps/s     tokens/s  µs/token  of bare\n`,
);
bareOutputs(256);
const cost = new Map<number, number>();
for (const running of RUNNING) {
  const bare = bareOutputs(running);
  const figures = decodeOnly(running, true);
  cost.set(running, figures.microsecondsPerToken);
  report('decode, async', running, figures, bare);
  report('decode, sync', running, decodeOnly(running, false), bare);
}
for (const running of quick ? [256] : RUNNING) {
  const bare = bareOutputs(running);
  for (const hitShare of [0, 0.9]) {
    report(`mixed, ${hitShare * 100} % prefix hits`, running, mixed(running, hitShare), bare);
  }
}
const flatness = (cost.get(4096) ?? 0) / (cost.get(256) ?? 1);
process.stdout.write(`cost per token, 4,096 over 256 running: ${flatness.toFixed(2)}×\n`);
