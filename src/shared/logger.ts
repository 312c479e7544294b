import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import pretty from 'pino-pretty';

/** The one door to pino: JSON lines on stderr, pretty where stderr is a terminal. */
export type Logger = Pick<
  PinoLogger,
  'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'level' | 'isLevelEnabled' | 'flush'
> & {
  child(bindings: Record<string, unknown>): Logger;
};

export interface LoggerOptions {
  /** debug, info, warn, error or silent. */
  readonly level: string;
  /** Bound to every line, e.g. `{ process: 'EngineCore_DP0' }`. */
  readonly bindings: Record<string, unknown>;
}

export function createLogger({ level, bindings }: LoggerOptions): Logger {
  const destination: DestinationStream = process.stderr.isTTY
    ? pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss' })
    : pino.destination({ dest: 2, sync: true });
  return pino(
    { level, base: bindings, timestamp: pino.stdTimeFunctions.isoTime },
    destination,
  ) as unknown as Logger;
}

/** For tests and pure parts that say nothing. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' }) as unknown as Logger;
}
