/** One line on a terminal that says how far a long run has come; nothing where nobody looks. */
export interface ProgressLine {
  readonly show: (text: string) => void;
  readonly clear: () => void;
}

/** Before the first writing, and between two. */
const INTERVAL_MS = 200;

export function progressLine(stderr: NodeJS.WriteStream = process.stderr): ProgressLine {
  if (stderr.isTTY !== true) return { show: () => undefined, clear: () => undefined };
  let writtenMs = Date.now();
  let length = 0;
  return {
    show: (text) => {
      if (Date.now() - writtenMs < INTERVAL_MS) return;
      const fitting = text.slice(0, Math.max(0, (stderr.columns ?? 80) - 1));
      stderr.write(`\r${fitting.padEnd(length)}`);
      length = fitting.length;
      writtenMs = Date.now();
    },
    clear: () => {
      if (length > 0) stderr.write(`\r${' '.repeat(length)}\r`);
      length = 0;
    },
  };
}
