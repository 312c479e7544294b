import { createRequire } from 'node:module';
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';

/** The one door to pino: JSON lines on stderr, pretty where stderr is a terminal. */
export type Logger = Pick<
  PinoLogger,
  'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'level' | 'isLevelEnabled' | 'flush'
> & {
  child(bindings: Record<string, unknown>): Logger;
};

export type LogFormat = 'auto' | 'json' | 'pretty';

export interface LoggerOptions {
  /** debug, info, warn, error or silent. */
  readonly level: string;
  /** auto (the default) is pretty where stderr is a terminal. */
  readonly format?: LogFormat;
  /** Bound to every line, e.g. `{ process: 'EngineCore_DP0' }`. */
  readonly bindings: Record<string, unknown>;
}

export function createLogger({ level, format = 'auto', bindings }: LoggerOptions): Logger {
  const isPretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
  const destination = isPretty ? prettyDestination() : stderrDestination();
  return pino(
    { level, base: bindings, timestamp: pino.stdTimeFunctions.isoTime },
    destination,
  ) as unknown as Logger;
}

/** Whoever reads the log may go first: that ends no process, and there is nobody to tell. */
function stderrDestination() {
  const destination = pino.destination({ dest: 2, sync: true });
  destination.on('error', () => {});
  return destination;
}

/** Loaded for a terminal only: it takes as long to load as pino itself. */
function prettyDestination(): DestinationStream {
  const require = createRequire(import.meta.filename);
  const pretty = require('pino-pretty') as typeof import('pino-pretty');
  return pretty({
    destination: stderrDestination(),
    sync: true,
    ignore: 'pid,hostname,process',
    messageFormat: '({process}) {msg}',
    translateTime: 'SYS:HH:MM:ss',
  });
}

/** JSON lines for `onLine`, one at a time and without their end. */
export function lineLogger(
  { level, bindings }: Pick<LoggerOptions, 'level' | 'bindings'>,
  onLine: (line: string) => void,
): Logger {
  const destination: DestinationStream = { write: (line) => onLine(line.trimEnd()) };
  return pino({ level, base: bindings }, destination) as unknown as Logger;
}

/** For tests and pure parts that say nothing. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' }) as unknown as Logger;
}
