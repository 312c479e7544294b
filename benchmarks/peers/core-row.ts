/** The pure core: tokens per CPU second with many requests that decode, no sockets and no second process. */
import { decoding } from '../engine-core/measured-core.ts';
import type { Row, RowContext } from './row.ts';
import { cpuWhile, type Sample } from './sample.ts';

const RUNNING = [256, 1024, 4096] as const;
const TURNS_AT_A_TIME = 16;

async function measureCore(running: number, { settings }: RowContext): Promise<Sample> {
  const turn = decoding(running);
  const warmUntilMs = performance.now() + settings.warmUpSeconds * 1000;
  while (performance.now() < warmUntilMs) turn();
  let tokens = 0;
  const { cpuSeconds, othersPercent } = await cpuWhile([process.pid], async () => {
    const endMs = performance.now() + settings.seconds * 1000;
    while (performance.now() < endMs) for (let i = 0; i < TURNS_AT_A_TIME; i += 1) tokens += turn();
  });
  return { value: tokens / cpuSeconds, othersPercent, clientPercent: null };
}

export const CORE_ROWS: readonly Row[] = RUNNING.map((running) => {
  const name = `core/${running}`;
  const title = `pure core, ${running} running`;
  return {
    name,
    title,
    async run(context) {
      await context.peers.stop();
      const samples: Sample[] = [];
      for (let round = 0; round < context.settings.repetitions; round += 1)
        samples.push(await measureCore(running, context));
      return [
        {
          ...{ row: name, title, unit: 'tokens per CPU second' },
          measured: [{ peer: 'twin', samples }],
          bounds: [{ against: null, isAtLeast: true, aim: 6e6, met: null }],
        },
      ];
    },
  };
});
