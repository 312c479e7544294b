/** How the kernel schedules the thread on which ZeroMQ reads and writes for all sockets of a process. */
import { existsSync } from 'node:fs';
import { context } from 'zeromq';

/** Linux's SCHED_BATCH. */
const SCHED_BATCH = 3;
/** Only Linux itself has it; what stands in for Linux (gVisor) refuses the policy, and ZeroMQ would end the process. */
const LINUX_SCHEDULER = '/proc/self/schedstat';

/**
 * To be called before the first socket is made. A batch thread that is woken does not take the core from whoever woke it:
 * where cores are few it carries what several turns of a sender have sent, and the receiver steps for all of that (64
 * tokens at 32 connections on one core: 254 µs of CPU a request, else 369). A core that is free it takes at once.
 */
export function letSendersGoOn(): void {
  if (existsSync(LINUX_SCHEDULER)) context.threadSchedulingPolicy = SCHED_BATCH;
}
