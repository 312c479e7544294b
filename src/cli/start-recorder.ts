/** `--record FOLDER` of the commands that hear frames. */
import { systemClock } from '../shared/clock.ts';
import { Recorder } from '../shared/tap/recorder.ts';
import { checkRecordFolder, RecordingFile, recordingHeadOf } from '../shared/tap/recording-file.ts';

export interface RecorderOptions {
  readonly folder: string;
  /** vLLM's name of the process whose frames they are. */
  readonly process: string;
  /** Whose wire it is. */
  readonly vllmVersion: string;
  /** A line for people. */
  readonly say: (text: string) => void;
}

/** A recorder that is ended with the process at the latest. Throws E_BAD_FLAG where nothing can be written there. */
export function startRecorder({
  folder,
  process: name,
  vllmVersion,
  say,
}: RecorderOptions): Recorder {
  checkRecordFolder(folder);
  const file = new RecordingFile({ folder, head: recordingHeadOf(name, vllmVersion, systemClock) });
  say(`Recording frames to ${file.path}`);
  const tell = (text: unknown): void => say(String(text));
  const recorder = new Recorder({
    file,
    logger: { warn: tell, error: tell },
    onFailure: () => {},
  });
  process.once('exit', () => recorder.end());
  return recorder;
}
