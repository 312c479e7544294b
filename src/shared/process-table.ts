/**
 * What the system tells of other processes by their ids. Linux has it under /proc; elsewhere the answers are null, and
 * callers do with less.
 */
import { readFileSync, readlinkSync } from 'node:fs';

export interface ProcessEntry {
  readonly parentPid: number;
  /** Clock ticks from boot to its start: with the pid, one process and no later one of the same number. */
  readonly startTime: number;
  readonly sessionId: number;
}

/** Null where there is no such process, it waits to be reaped, or the system does not tell. */
export function readProcessEntry(pid: number): ProcessEntry | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in brackets, may hold anything; the fields behind it are numbers.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return {
      parentPid: Number(fields[1]),
      sessionId: Number(fields[3]),
      startTime: Number(fields[19]),
    };
  } catch {
    return null;
  }
}

/** The words it was started with; a process that has given itself a title has that one. Null where nobody tells. */
export function readCommandLine(pid: number): readonly string[] | null {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.filter((word) => word !== '');
  } catch {
    return null;
  }
}

/** Two processes with the same answer mean the same process by the same pid: a boot and a pid namespace of it. */
export function readPidSpace(): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return null;
  }
}

/** Whether a signal could reach it; also true of one that waits to be reaped. */
export function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
