import {
  MultiProcessClient,
  type MultiProcessClientOptions,
} from '../../src/frontend/engine-client/multi-process-client.ts';
import { type Logger, silentLogger } from '../../src/shared/logger.ts';
import type { Transport } from '../../src/shared/transport/transport.ts';
import { wireCodec } from './wire-codec.ts';

/** An engine client whose every option but the transport has a default; a test names only what it is about. */
export function bindClient(
  options: Partial<MultiProcessClientOptions> & { readonly transport: Transport },
): Promise<MultiProcessClient> {
  const { engineRanks = [0] } = options;
  return MultiProcessClient.bind({
    codec: wireCodec,
    addresses: { input: 'ipc:///input', output: 'ipc:///output' },
    engineRanks,
    isLoadBalancing: engineRanks.length > 1,
    clientCount: 1,
    clientIndex: 0,
    logger: silentLogger(),
    ...options,
  });
}

/** A logger that keeps what it warns of. */
export function recordingLogger(): { logger: Logger; warnings: (readonly unknown[])[] } {
  const warnings: (readonly unknown[])[] = [];
  const warn = (...warning: unknown[]): void => {
    warnings.push(warning);
  };
  return { logger: Object.assign(silentLogger(), { warn }), warnings };
}

/** Longer than any answer to an answer: the in-memory transport takes one turn of the event loop a message. */
const TURNS = 20;

/** Returns once every message that is under way, and what it makes others send, has arrived. */
export async function messagesArrived(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}
