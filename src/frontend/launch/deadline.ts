/** The deadline of a whole start-up: one clock for every wait in it. Source: vllm/envs.py VLLM_ENGINE_READY_TIMEOUT_S. */
import { Deadline, type Standstill } from '../../shared/deadline.ts';
import { StartupError } from '../../shared/errors.ts';

/** Rejects with E_STARTUP_TIMEOUT when `work` has not ended in time; `describeMissing` says what it still waits for. */
export async function withStartupDeadline<T>(
  work: Promise<T>,
  {
    timeoutMs,
    describeMissing,
    standstill = null,
  }: {
    readonly timeoutMs: number;
    readonly describeMissing: () => string;
    /** What the deadline stands still with; null where nothing does. */
    readonly standstill?: Standstill | null;
  },
): Promise<T> {
  let deadline: Deadline | null = null;
  const late = new Promise<never>((_, reject) => {
    const onExpired = (): void => {
      const seconds = timeoutMs / 1000;
      reject(
        new StartupError(
          'E_STARTUP_TIMEOUT',
          `Timed out waiting for engine core processes to start: ${describeMissing()}. Waited ${seconds}s (configured by ` +
            'VLLM_ENGINE_READY_TIMEOUT_S). To increase the timeout, set the environment variable: ' +
            'VLLM_ENGINE_READY_TIMEOUT_S=<seconds>',
        ),
      );
    };
    // Sockets and children keep the process while there is something to wait for.
    deadline = new Deadline({ timeoutMs, onExpired, standstill, keepsProcess: false });
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    (deadline as Deadline | null)?.clear();
  }
}
