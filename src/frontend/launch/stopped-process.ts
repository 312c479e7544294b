/** A process that stands still by a signal: it hears of nothing, so that something else has to wake it where we are killed. */
import { spawn } from 'node:child_process';

/**
 * Stops it until what this gives is called, or this process ends, however it does: a shell waits for the end of its input,
 * which comes with ours.
 */
export function stopProcess(pid: number): () => void {
  if (!signalIfThere(pid, 'SIGSTOP')) return () => {};
  const waker = spawn('sh', ['-c', `read -r _; kill -CONT ${pid} 2>/dev/null`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // A terminal's Ctrl-C is not for it.
    detached: true,
  });
  waker.once('error', () => {});
  waker.stdin.once('error', () => {});
  waker.unref();
  return () => {
    signalIfThere(pid, 'SIGCONT');
    waker.stdin.end();
  };
}

/** False where there is no such process any more: it has no use for a signal. */
export function signalIfThere(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}
