/**
 * What a command of the command line may touch: where its text goes, and whether colours are welcome there.
 */
export interface CliIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Resolves once the reader of stdout can take more. */
  readonly drained: () => Promise<void>;
  readonly colours: boolean;
}

/** The process's own streams; colours on a terminal only, and never against NO_COLOR. */
export function processIo(): CliIo {
  const { stdout } = process;
  return {
    stdout: (text) => stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    drained: () =>
      new Promise((resolve) => {
        if (stdout.writableNeedDrain) stdout.once('drain', resolve);
        // Not a resolved promise: the error of a closed pipe is only told between turns of the event loop.
        else setImmediate(resolve);
      }),
    colours: stdout.isTTY === true && process.env['NO_COLOR'] === undefined,
  };
}

/** Characters that are gathered before they are written. */
const CHUNK_CHARACTERS = 1 << 16;

/** Writes text as it is made, and makes no more than the reader takes: memory stays flat however much there is. */
export async function writePieces(pieces: Iterable<string>, io: CliIo): Promise<void> {
  let text = '';
  try {
    for (const piece of pieces) {
      text += piece;
      if (text.length < CHUNK_CHARACTERS) continue;
      io.stdout(text);
      text = '';
      await io.drained();
    }
  } finally {
    if (text !== '') io.stdout(text);
  }
}
