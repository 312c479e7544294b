/**
 * --exit-with-stdin: whoever starts a server for a while holds the other end of its standard input. The system closes it
 * when that process ends, however it ends, and the server then ends as by a signal.
 */
import type { EngineArgs } from '../shared/config/registry.ts';

/** Asks this process to stop once its standard input is closed. */
export function exitWithStdin(args: EngineArgs): void {
  const { stdin } = process;
  let isOver = false;
  const onClosed = (): void => {
    if (isOver) return;
    isOver = true;
    void stop(args);
  };
  // A reset pipe is as closed as an ended one.
  for (const event of ['end', 'close', 'error'] as const) stdin.on(event, onClosed);
  stdin.resume();
  // It must not keep a server that has stopped; a file has no handle that could.
  if ('unref' in stdin) stdin.unref();
}

async function stop({ logLevel, logFormat, headless }: EngineArgs): Promise<void> {
  const { createLogger } = await import('../shared/logger.ts');
  const bindings = { process: headless ? 'Headless' : 'APIServer' };
  createLogger({ level: logLevel, format: logFormat, bindings }).info(
    '[shutdown] standard input is closed, which --exit-with-stdin takes for the end of who started it',
  );
  process.kill(process.pid, 'SIGTERM');
}
