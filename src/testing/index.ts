/**
 * `vllm-twin/testing`: a twin for a test.
 *
 *     await using twin = await startTwin({ model: 'Qwen/Qwen3-0.6B', dataParallelSize: 2 });
 *     const metrics = await twin.metrics();
 */
import { ConfigError } from '../shared/errors.ts';
import { startProcessTwin } from './process-twin.ts';
import type { Twin } from './twin.ts';
import type { TwinOptions } from './twin-options.ts';

export { ClientError, ConfigError, ServerError, TwinError } from '../shared/errors.ts';
export type { LabelMatch, Sample } from '../shared/exposition.ts';
export type { FrameLine } from '../shared/tap/frame-line.ts';
export type { EngineState, TwinState } from '../shared/twin-api/state.ts';
export type { SampleName, VllmSampleName } from './metric-name.ts';
export { Metrics } from './metrics.ts';
export { type Exit, TwinStartError } from './server-process.ts';
export type {
  EngineCapacity,
  FaultHandle,
  FaultRequest,
  LoadHandle,
  LoadRequest,
  LoadResult,
  TokenLengths,
  Twin,
  TwinEngine,
} from './twin.ts';
export { TwinRequestError } from './twin-client.ts';
export type { InProcessOptions, ProcessOptions, ServeFlags, TwinOptions } from './twin-options.ts';

/**
 * Starts a twin on a free port of the loopback and resolves when it is ready. It ends when it is disposed of or stopped, and
 * with this process, even where that is killed. Throws ConfigError for options that are wrong, and TwinStartError with the
 * server's last log lines where it does not start.
 */
export async function startTwin(options: TwinOptions = {}): Promise<Twin> {
  switch (options.mode) {
    case undefined:
    case 'processes':
      return startProcessTwin(options);
    case 'in-process': {
      // The whole twin is loaded for it.
      const { startInProcessTwin } = await import('./in-process-twin.ts');
      return startInProcessTwin(options);
    }
    default:
      throw new ConfigError(
        'E_BAD_FLAG',
        `startTwin: mode ${JSON.stringify((options as { mode: unknown }).mode)}: expected 'processes' or 'in-process'`,
      );
  }
}
