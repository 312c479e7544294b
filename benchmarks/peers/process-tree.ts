/**
 * What a process and all that it has started cost, as the kernel counts it: CPU seconds of all threads, memory, and what
 * the rest of the machine did meanwhile. Linux only, as is everything that reads /proc.
 */
import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;
const NANOSECONDS = 1e9;
const TICK = NANOSECONDS / TICKS_PER_SECOND;

const pidsIn = (folder: string): readonly number[] =>
  readdirSync(folder)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** Null where the process has ended meanwhile. */
function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** The fields of /proc/PID/stat behind the name, which may hold spaces and brackets. */
function statOf(pid: number): readonly string[] | null {
  const text = read(`/proc/${pid}/stat`);
  return text === null ? null : text.slice(text.lastIndexOf(') ') + 2).split(' ');
}

/** The processes, what they have started, and so on; those that are there. */
export function treeOf(roots: readonly number[]): readonly number[] {
  const childrenOf = new Map<number, number[]>();
  for (const pid of pidsIn('/proc')) {
    const parent = Number(statOf(pid)?.[1] ?? 0);
    const siblings = childrenOf.get(parent);
    if (siblings === undefined) childrenOf.set(parent, [pid]);
    else siblings.push(pid);
  }
  const tree: number[] = [];
  const visit = (pid: number): void => {
    tree.push(pid);
    for (const child of childrenOf.get(pid) ?? []) visit(child);
  };
  roots.forEach(visit);
  return tree;
}

/** CPU nanoseconds by process; what a process's ended children took is under their parent's `PID/ended`. */
export type CpuTimes = ReadonlyMap<string, number>;

/**
 * The threads' schedstat counts finely, but forgets threads that have ended; the process's stat forgets nothing, but counts
 * in ticks of 10 ms, rounded down: the larger one is nearer. Where the kernel keeps no schedstat, ticks are all there is.
 */
function nanosecondsOf(pid: number, stat: readonly string[]): number {
  let ofThreads = 0;
  try {
    for (const tid of pidsIn(`/proc/${pid}/task`))
      ofThreads += Number(read(`/proc/${pid}/task/${tid}/schedstat`)?.split(' ')[0] ?? 0);
  } catch {
    // It ended between the two looks.
  }
  return Math.max(ofThreads, (Number(stat[11]) + Number(stat[12])) * TICK);
}

export function cpuTimesOf(pids: readonly number[]): CpuTimes {
  const times = new Map<string, number>();
  for (const pid of pids) {
    const stat = statOf(pid);
    if (stat === null) continue;
    times.set(`${pid}`, nanosecondsOf(pid, stat));
    times.set(`${pid}/ended`, (Number(stat[13]) + Number(stat[14])) * TICK);
  }
  return times;
}

/** CPU seconds from one look to the next; a process that came meanwhile counts whole. */
export function cpuSecondsBetween(before: CpuTimes, after: CpuTimes): number {
  let nanoseconds = 0;
  for (const [key, time] of after) nanoseconds += time - (before.get(key) ?? 0);
  return nanoseconds / NANOSECONDS;
}

/** CPU seconds of processes since they started. */
export function cpuSecondsOf(pids: readonly number[]): number {
  return cpuSecondsBetween(new Map(), cpuTimesOf(pids));
}

/** CPU seconds of all children of this process that have ended. */
export function endedChildrenCpuSeconds(): number {
  return (cpuTimesOf([process.pid]).get(`${process.pid}/ended`) ?? 0) / NANOSECONDS;
}

/** CPU seconds of the whole machine since it started, idle and waiting ones not counted. */
export function machineCpuSeconds(): number {
  const [first = ''] = (read('/proc/stat') ?? '').split('\n', 1);
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = first
    .split(/\s+/)
    .map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

/** Of a file whose lines are `Name:   123 kB`; 0 where it is gone. */
function megabytesIn(path: string, field: string): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(read(path) ?? '')?.[1];
  return Number(kilobytes ?? 0) / 1024;
}

/** Resident megabytes of one process, shared pages included. */
export function rssMegabytesOf(pid: number): number {
  return megabytesIn(`/proc/${pid}/status`, 'VmRSS');
}

/** The most that it ever was. */
export function peakRssMegabytesOf(pid: number): number {
  return megabytesIn(`/proc/${pid}/status`, 'VmHWM');
}

/** Megabytes of all the processes together, shared pages counted once between those who share them. */
export function pssMegabytesOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + megabytesIn(`/proc/${pid}/smaps_rollup`, 'Pss'), 0);
}

/** What `ps` shows; the twin's children have vLLM's own titles. */
export function titleOf(pid: number): string {
  return (read(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim();
}
