/** How the kernel schedules the thread on which ZeroMQ reads and writes for all sockets of a process. */
import { existsSync, readFileSync } from 'node:fs';
import { context } from 'zeromq';

/** Linux's SCHED_BATCH. */
const SCHED_BATCH = 3;
/** Only Linux itself has it; what stands in for Linux (gVisor) does not know the policy. */
const LINUX_SCHEDULER = '/proc/self/schedstat';
const OWN_STATUS = '/proc/self/status';

/**
 * To be called before the first socket is made. A batch thread that is woken does not take the core from whoever woke it:
 * where cores are few it carries what several turns of a sender have sent, and the receiver steps for all of that (64
 * tokens at 32 connections on one core: 254 µs of CPU a request, else 369). A core that is free it takes at once.
 */
export function letSendersGoOn(): void {
  if (mayChoosePolicy()) context.threadSchedulingPolicy = SCHED_BATCH;
}

/** ZeroMQ ends the process where the kernel refuses a policy, as a filter of system calls may: it cannot just be tried. */
function mayChoosePolicy(): boolean {
  if (!existsSync(LINUX_SCHEDULER)) return false;
  try {
    return /^Seccomp:\s*0$/m.test(readFileSync(OWN_STATUS, 'latin1'));
  } catch {
    return false;
  }
}
