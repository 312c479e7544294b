/**
 * `serve --headless --nnodes N --node-rank R` on a machine that has only workers of a rank: workers of a simulated GPU have
 * nothing to do, so the process stays until a signal ends it, as vLLM's does.
 * Source: vllm/entrypoints/cli/serve.py run_headless (0.33.0).
 */
import type { EngineArgs } from '../shared/config/registry.ts';
import { createLogger } from '../shared/logger.ts';

/** A timer that keeps the process alive: the longest that Node has. */
const KEEP_ALIVE_MS = 2 ** 31 - 1;

/** Resolves with the exit code. */
export function runWorkerNode(args: EngineArgs): Promise<number> {
  const logger = createLogger({
    level: args.logLevel,
    format: args.logFormat,
    bindings: { process: 'Headless' },
  });
  return new Promise((resolve) => {
    const timer = setInterval(() => {}, KEEP_ALIVE_MS);
    const stop = (): void => {
      clearInterval(timer);
      resolve(0);
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
    // Whoever reads this line may send the signal.
    logger.info(
      `Launching vLLM (v${args.vllmVersion}) headless multiproc executor, with head node address ` +
        `${args.masterAddr}:${args.masterPort} for torch.distributed process group.`,
    );
  });
}
