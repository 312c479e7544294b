/**
 * The fit of the memory budget's constants on the start-up logs: the constants are varied on a grid, everything else is what
 * src/capacity/models/memory-budget.ts makes of the command. Used by budget-page.ts and by the test of the logs.
 */
import {
  FIRST_CAPTURE_BYTES,
  GRAPH_BYTES_PER_LAYER,
  RESIDENT_BYTES,
} from '../src/capacity/models/measured-memory.ts';
import type { MemoryBudget } from '../src/capacity/models/memory-budget.ts';
import { errorOf, type GpuLog, isJudged, replayGpuLog, tightest } from './gpu-logs.ts';

const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** Errors above it count as much as this one: such a log says nothing of the constants. */
const CAP = 0.08;

export interface Constants {
  readonly residentBytes: number;
  readonly firstCaptureBytes: number;
  readonly graphBytesPerLayer: number;
}

export const CHOSEN: Constants = {
  residentBytes: RESIDENT_BYTES,
  firstCaptureBytes: FIRST_CAPTURE_BYTES,
  graphBytesPerLayer: GRAPH_BYTES_PER_LAYER,
};

/** One log and what our budget says of it. */
export interface Replayed {
  readonly log: GpuLog;
  readonly budget: MemoryBudget;
}

export function replayed(logs: readonly GpuLog[]): readonly Replayed[] {
  return logs.map((log) => ({ log, budget: tightest(replayGpuLog(log)) }));
}

/** GiB for the KV cache under other constants. */
export function kvGib({ budget }: Replayed, constants: Constants = CHOSEN): number {
  const { cudaGraphBytes, availableBytes } = budget;
  const hasGraphs = cudaGraphBytes > 0;
  const units = hasGraphs ? (cudaGraphBytes - FIRST_CAPTURE_BYTES) / GRAPH_BYTES_PER_LAYER : 0;
  const graphs = hasGraphs ? constants.firstCaptureBytes + units * constants.graphBytesPerLayer : 0;
  const changed = constants.residentBytes - RESIDENT_BYTES + graphs - cudaGraphBytes;
  return (availableBytes - changed) / GIB;
}

/** The error of one log, as a fraction of what it reports, without sign. */
export function absoluteError(one: Replayed, constants: Constants = CHOSEN): number {
  return Math.abs(errorOf(one.log, kvGib(one, constants)));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? 0)) / 2;
}

/** Median error and capped mean error together: what the fit makes small. */
export function loss(logs: readonly Replayed[], constants: Constants): number {
  const errors = logs.map((one) => absoluteError(one, constants));
  const capped = errors.reduce((sum, error) => sum + Math.min(error, CAP), 0);
  return median(errors) + capped / errors.length;
}

/** The constants on the grid with the least loss. */
export function fitConstants(logs: readonly Replayed[]): Constants {
  let best: { constants: Constants; loss: number } | null = null;
  for (const constants of grid()) {
    const own = loss(logs, constants);
    if (best === null || own < best.loss) best = { constants, loss: own };
  }
  if (best === null) throw new Error('an empty grid');
  return best.constants;
}

function* grid(): Iterable<Constants> {
  for (let resident = 256; resident <= 768; resident += 32)
    for (let first = 0; first <= 640; first += 64)
      for (let perLayer = 0; perLayer <= 320; perLayer += 16)
        yield {
          residentBytes: resident * MIB,
          firstCaptureBytes: first * MIB,
          graphBytesPerLayer: perLayer * 1024,
        };
}

/** The error of each log under the constants that the others give. */
export function leaveOneOut(logs: readonly Replayed[]): readonly number[] {
  return logs.map((one) => absoluteError(one, fitConstants(logs.filter((other) => other !== one))));
}

export function judged(logs: readonly Replayed[]): readonly Replayed[] {
  return logs.filter(({ log }) => isJudged(log));
}
