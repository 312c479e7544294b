/**
 * A server under a scenario's runner: `serve` with the settings and start-up faults that come as the first message, so that
 * none of them stands in the list of processes. It tells when it serves, writes nothing to stdout, and ends with its runner.
 */
import { CONFIG_EXIT_CODE, TwinError } from '../../shared/errors.ts';
import { runServe } from '../main.ts';
import { parseServerOrder, type ServerStarted } from './messages.ts';

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
process.once('message', (message: unknown) => {
  run(message).then(
    (exitCode) => process.exit(exitCode),
    (error: unknown) => {
      if (!(error instanceof TwinError)) throw error;
      process.stderr.write(`vllm-twin: ${error.message.split('\n').join(' ')}\n`);
      process.exit(error.family === 'config' ? CONFIG_EXIT_CODE : 1);
    },
  );
});
