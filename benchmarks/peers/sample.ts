/** What is measured once, and what several such come to. */

import type { Load, LoadResult } from './load.ts';
import type { LoadClient } from './load-client.ts';
import type { Peer } from './peer.ts';
import { cpuSecondsBetween, cpuTimesOf, machineCpuSeconds, treeOf } from './process-tree.ts';

export interface Sample {
  readonly value: number;
  /** Of one core, in per cent: what processes that are none of the benchmark's did meanwhile. */
  readonly othersPercent: number;
  /** Of its core, in per cent: at 100 the load client is what limits; null where it took no part. */
  readonly clientPercent: number | null;
}

export interface MeasuredLoad extends LoadResult {
  readonly cpuSeconds: number;
  readonly othersPercent: number;
  readonly clientPercent: number;
}

export interface Cpu {
  readonly cpuSeconds: number;
  readonly seconds: number;
  readonly othersPercent: number;
}

/** CPU of the processes below `roots` while `act` runs, and of everything that is not below this process. */
export async function cpuWhile<T>(
  roots: readonly number[],
  act: () => Promise<T>,
): Promise<Cpu & { readonly result: T }> {
  const look = () => ({
    peer: cpuTimesOf(treeOf(roots)),
    all: cpuTimesOf(treeOf([process.pid])),
    machine: machineCpuSeconds(),
    ms: performance.now(),
  });
  const before = look();
  const result = await act();
  const after = look();
  const seconds = (after.ms - before.ms) / 1000;
  const others = after.machine - before.machine - cpuSecondsBetween(before.all, after.all);
  return {
    result,
    seconds,
    cpuSeconds: cpuSecondsBetween(before.peer, after.peer),
    othersPercent: Math.max(0, (100 * others) / seconds),
  };
}

export async function measureLoad(
  peer: Peer,
  client: LoadClient,
  load: Omit<Load, 'url'>,
): Promise<MeasuredLoad> {
  const before = cpuTimesOf([client.pid]);
  const { result, ...cpu } = await cpuWhile(peer.roots, () =>
    client.run({ ...load, url: peer.url }),
  );
  const clientSeconds = cpuSecondsBetween(before, cpuTimesOf([client.pid]));
  return { ...result, ...cpu, clientPercent: (100 * clientSeconds) / cpu.seconds };
}

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function summaryOf(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  return { median: medianOf(sorted), min: at(0), max: at(sorted.length - 1) };
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (
    ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2
  );
}
