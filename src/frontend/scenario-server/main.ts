/**
 * A server under a scenario's runner: `serve` with the settings and start-up faults that come as the first message, so that
 * none of them stands in the list of processes. It tells when it serves, writes nothing to stdout, and ends with its runner.
 */
import { CONFIG_EXIT_CODE, TwinError } from '../../shared/errors.ts';
import { runServe } from '../main.ts';
import { parseServerOrder, type ServerFailed, type ServerStarted } from './messages.ts';

async function run(message: unknown): Promise<number> {
  const { args, startFaults } = parseServerOrder(message);
  return runServe(args, {
    startFaults,
    isQuiet: true,
    onStarted: ({ address, engines }) => {
      const started: ServerStarted = { type: 'started', address, engines: [...engines] };
      process.send?.(started);
    },
  });
}

// The runner reads them; it may be gone before this process is.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// It went while this module was read.
if (!process.connected) process.exit(1);
process.once('message', (message: unknown) => {
  run(message).then(
    (exitCode) => process.exit(exitCode),
    (error: unknown) => {
      if (!(error instanceof TwinError)) throw error;
      const { code, message: words, family } = error;
      const failed: ServerFailed = { type: 'failed', code, message: words };
      const exitCode = family === 'config' ? CONFIG_EXIT_CODE : 1;
      // The channel is gone where the runner is.
      process.send?.(failed, () => process.exit(exitCode));
      if (!process.connected) process.exit(exitCode);
    },
  );
});
