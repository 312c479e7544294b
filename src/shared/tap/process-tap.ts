/** The tap of a process, with the recorder that its settings ask for. */

import type { Clock } from '../clock.ts';
import { reasonOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { Recorder } from './recorder.ts';
import { RecordingFile, recordingHeadOf } from './recording-file.ts';
import { Tap } from './tap.ts';

export interface ProcessTapOptions {
  /** vLLM's name of the process: `EngineCore_DP0`, `APIServer`, `DPCoordinator`. */
  readonly process: string;
  /** `--vllm-version`: whose wire the frames are. */
  readonly vllmVersion: string;
  /** `--record`: a folder; null records nothing. */
  readonly record: string | null;
  /** `--tap`: frames that are kept always. */
  readonly ringFrames: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * A tap that is recorded until the process ends, however it does but by SIGKILL. A recording that cannot be begun is said in
 * the log; whoever starts a server has tried the folder before (checkRecordFolder).
 */
export function createProcessTap(options: ProcessTapOptions): Tap {
  const { process: name, vllmVersion, record, ringFrames, clock, logger } = options;
  const tap = new Tap({ clock, process: name, ringFrames });
  if (record === null) return tap;
  let file: RecordingFile;
  try {
    file = new RecordingFile({ folder: record, head: recordingHeadOf(name, vllmVersion, clock) });
  } catch (error) {
    const reason = reasonOf(error);
    logger.error(`${name} is not recorded: no file can be written in ${record} (${reason})`);
    return tap;
  }
  const recorder = new Recorder({ file, logger, onFailure: () => tap.setListener(null) });
  logger.info(`Recording frames to ${file.path}`);
  tap.setListener(recorder.take);
  endWithProcess(recorder);
  return tap;
}

function endWithProcess(recorder: Recorder): void {
  process.on('exit', () => recorder.end());
  const onTerminate = (): void => {
    // Where nobody else has a say in it, the signal ends the process as it does without a recorder.
    if (process.listenerCount('SIGTERM') > 1) return;
    recorder.end();
    process.off('SIGTERM', onTerminate);
    process.kill(process.pid, 'SIGTERM');
  };
  process.on('SIGTERM', onTerminate);
}
