/**
 * A server process under a supervisor: `serve` with the settings that come as the first message. It ends with its parent.
 * Source: vllm/entrypoints/launchers/dp_supervisor.py _run_vllm_dp_server (0.33.0).
 */
import { engineArgsSchema } from '../../shared/config/engine-args-schema.ts';
import { CONFIG_EXIT_CODE, TwinError } from '../../shared/errors.ts';
import { parse } from '../../shared/schema.ts';
import { runServe } from '../main.ts';

const PLACE = {
  code: 'E_BAD_FLAG',
  whole: "a supervised server's settings",
  noun: 'the message',
  remedy: '; vllm-twin serve starts this process',
} as const;

async function run(message: unknown): Promise<number> {
  return runServe(parse(engineArgsSchema(), message, PLACE), { onStarted: () => {} });
}

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
