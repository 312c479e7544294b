/**
 * A server process under a supervisor: `serve` with the settings that come as the first message. It ends with its parent.
 * Source: vllm/entrypoints/launchers/dp_supervisor.py _run_vllm_dp_server (0.33.0).
 */
import * as v from 'valibot';
import { engineArgsSchema } from '../../shared/config/engine-args-schema.ts';
import type { EngineArgs } from '../../shared/config/registry.ts';
import { CONFIG_EXIT_CODE, TwinError } from '../../shared/errors.ts';
import { runServe } from '../main.ts';

process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.once('message', (message: unknown) => {
  run(v.parse(engineArgsSchema(), message)).then(
    (exitCode) => process.exit(exitCode),
    (error: unknown) => {
      if (!(error instanceof TwinError)) throw error;
      process.stderr.write(`vllm-twin: ${error.message.split('\n').join(' ')}\n`);
      process.exit(error.family === 'config' ? CONFIG_EXIT_CODE : 1);
    },
  );
});

function run(args: EngineArgs): Promise<number> {
  return runServe(args);
}
