/**
 * A start-up step by step on a terminal: what is about to happen, Enter, what went by. Without a terminal there is no Enter,
 * and the log says the same.
 */
import type { Logger } from '../../shared/logger.ts';
import type { HandshakeStepper } from './handshake-stepper.ts';

/** Where Enter comes from, and where the sentences go: the process's own streams. */
export interface StepStreams {
  readonly stdin: Pick<NodeJS.ReadStream, 'isTTY' | 'on' | 'off' | 'resume' | 'pause' | 'unref'>;
  readonly stderr: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>;
}

/** Returns what ends it; `onNoInput` is called where the terminal has no more input to give. */
export function stepFromTerminal(
  stepper: HandshakeStepper,
  { stdin, stderr }: StepStreams,
  logger: Pick<Logger, 'info'>,
  onNoInput: () => void = () => {},
): () => void {
  const offersEnter = stdin.isTTY === true;
  const isShown = stderr.isTTY === true;
  const stopListening = stepper.listen({
    onNext: (next) => {
      if (next === null) return;
      if (isShown) stderr.write(`${next.sentence}.${offersEnter ? '  [Enter: next]' : ''}\n`);
      else logger.info(`Held: ${next.sentence}`);
    },
    onPassed: ({ passed }, n) => {
      if (isShown) stderr.write(`  ${n}. ${passed}\n`);
      else logger.info(`Went by: ${passed}`);
    },
  });
  if (!offersEnter) return stopListening;

  // One frame for each Enter, however they arrive; none is kept for later.
  const onData = (chunk: Buffer | string): void => {
    for (const letter of chunk.toString()) if (letter === '\n' || letter === '\r') stepper.next();
  };
  const end = (): void => {
    stdin.off('data', onData);
    stdin.off('end', onEnd);
    stdin.pause();
    stdin.unref();
  };
  const onEnd = (): void => {
    end();
    onNoInput();
  };
  stdin.on('data', onData);
  stdin.on('end', onEnd);
  // A terminal that closes; its end follows.
  stdin.on('error', onEnd);
  stdin.resume();
  return () => {
    stopListening();
    end();
  };
}
