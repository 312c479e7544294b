/** The deadline of a whole start-up: one clock for every wait in it. Source: vllm/envs.py VLLM_ENGINE_READY_TIMEOUT_S. */
import { StartupError } from '../../shared/errors.ts';

/** Rejects with E_STARTUP_TIMEOUT when `work` has not ended in time; `describeMissing` says what it still waits for. */
export async function withStartupDeadline<T>(
  work: Promise<T>,
  { timeoutMs, describeMissing }: { timeoutMs: number; describeMissing: () => string },
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const seconds = timeoutMs / 1000;
      reject(
        new StartupError(
          'E_STARTUP_TIMEOUT',
          `Timed out waiting for engine core processes to start: ${describeMissing()}. Waited ${seconds}s (configured by ` +
            'VLLM_ENGINE_READY_TIMEOUT_S). To increase the timeout, set the environment variable: ' +
            'VLLM_ENGINE_READY_TIMEOUT_S=<seconds>',
        ),
      );
    }, timeoutMs);
    // Sockets and children keep the process while there is something to wait for.
    timer.unref();
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
