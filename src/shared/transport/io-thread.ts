/** How the kernel schedules the thread on which ZeroMQ reads and writes for all sockets of a process. */
import { existsSync, readFileSync } from 'node:fs';
import { context } from 'zeromq';

/** Linux's SCHED_BATCH. */
const SCHED_BATCH = 3;
/** Only Linux itself has it; what stands in for Linux (gVisor) refuses the policy. */
const LINUX_SCHEDULER = '/proc/self/schedstat';
/** The policy's place in `stat` behind the program's name, which may hold blanks and brackets. */
const POLICY_FIELD = 38;
const SCHED_OTHER = '0';

/**
 * To be called before the first socket is made. A batch thread that is woken does not take the core from whoever woke it:
 * where cores are few it carries what several turns of a sender have sent, and the receiver steps for all of that (64
 * tokens at 32 connections on one core: 254 µs of CPU a request, else 369). A core that is free it takes at once.
 */
export function letSendersGoOn(): void {
  if (existsSync(LINUX_SCHEDULER) && mayBecomeBatch(readOwn('stat'), readOwn('status')))
    context.threadSchedulingPolicy = SCHED_BATCH;
}

/**
 * Whether the kernel lets a thread of this process become a batch thread; ZeroMQ aborts the process where it does not. Who
 * runs idle may not leave that policy without a privilege, and a seccomp filter (systemd's ~@resources) may forbid all.
 */
export function mayBecomeBatch(stat: string, status: string): boolean {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[POLICY_FIELD] === SCHED_OTHER && /^Seccomp:\s+0$/m.test(status);
}

function readOwn(name: 'stat' | 'status'): string {
  try {
    return readFileSync(`/proc/self/${name}`, 'utf8');
  } catch {
    return '';
  }
}
