/**
 * The DP coordinator's process: `node main.js SETTINGS`, SETTINGS being a CoordinatorSettings with `logLevel` and
 * `logFormat` as JSON. Tells its parent the bound addresses over the IPC channel (`CoordinatorReadyMessage`) and ends with
 * it: when the channel closes.
 */
import * as v from 'valibot';
import { systemClock } from '../../shared/clock.ts';
import { readProcessArgument } from '../../shared/config/process-argument.ts';
import { createLogger } from '../../shared/logger.ts';
import { removePrivateDirectory } from '../../shared/private-directory.ts';
import { WIRE_VERSIONS } from '../../shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../../shared/protocol/wire-codec.ts';
import type { WireVersion } from '../../shared/protocol/wire-version.ts';
import { boolean, integer, oneOf, onlyFields, string } from '../../shared/schema.ts';
import { framesOfTap, type ProcessFrames } from '../../shared/tap/process-frames.ts';
import { createProcessTap } from '../../shared/tap/process-tap.ts';
import { ChildStepGate } from '../../shared/tap/step-gate.ts';
import { createStepWords } from '../../shared/tap/step-words.ts';
import { stepTransport } from '../../shared/tap/stepped-transport.ts';
import { tapTransport } from '../../shared/tap/tapped-transport.ts';
import type { Transport } from '../../shared/transport/transport.ts';
import { createZmqTransport } from '../../shared/transport/zmq.ts';
import { SPOKEN_VERSIONS } from '../../shared/version.ts';
import { type CoordinatorAddresses, DPCoordinatorProc } from './dp-coordinator-proc.ts';

/** What the parent gets over the IPC channel, once. */
export interface CoordinatorReadyMessage extends CoordinatorAddresses {
  readonly type: 'ready';
}

/** From the parent: what the coordinator's tap keeps beyond a frame. */
export interface FramesQuestion {
  readonly type: 'frames';
  readonly id: number;
  readonly sinceSeq: number;
}

export interface FramesAnswer {
  readonly type: 'frames';
  readonly id: number;
  readonly frames: ProcessFrames;
}

const SETTINGS = onlyFields({
  engineCount: integer(),
  enableWaveCoordination: boolean,
  frontendStatsPublishAddress: string,
  coordinatorInputAddress: string,
  coordinatorOutputAddress: string,
  vllmVersion: oneOf(SPOKEN_VERSIONS),
  logLevel: string,
  logFormat: oneOf(['auto', 'json', 'pretty']),
  privateDirectory: v.optional(v.nullable(string), null),
  record: v.optional(v.nullable(string), null),
  tap: v.optional(integer(), 0),
  handshakeStep: v.optional(boolean, false),
});

/** A parent that went before this process listened has closed the channel without its hearing of it. */
function endWithParent(privateDirectory: string | null): void {
  const end = (): void => {
    if (privateDirectory !== null) removePrivateDirectory(privateDirectory);
    process.exit(0);
  };
  process.on('disconnect', end);
  if (process.send !== undefined && !process.connected) end();
}

/** Start-up frames are held until the parent lets them go. */
function stepped(transport: Transport, wire: WireVersion): Transport {
  const words = createStepWords({ process: 'coordinator' }, wire);
  return stepTransport(transport, { gate: new ChildStepGate(process), words });
}

async function main(): Promise<void> {
  process.title = 'VLLM::DPCoordinator';
  const settings = readProcessArgument(SETTINGS, 'the DP coordinator');
  const logger = createLogger({
    level: settings.logLevel,
    format: settings.logFormat,
    bindings: { process: 'DPCoordinator' },
  });
  // The parent decides when to stop: a Ctrl-C in its terminal reaches this process too.
  process.on('SIGINT', () => {});
  process.on('SIGHUP', () => {});
  process.on('SIGTERM', () => process.exit(0));
  endWithParent(settings.privateDirectory);
  const tap = createProcessTap({
    process: 'DPCoordinator',
    vllmVersion: settings.vllmVersion,
    record: settings.record,
    ringFrames: settings.tap,
    clock: systemClock,
    logger,
  });
  process.on('message', (message: FramesQuestion) => {
    if (message.type !== 'frames') return;
    const frames = framesOfTap(tap, systemClock, message.sinceSeq);
    process.send?.({ type: 'frames', id: message.id, frames } satisfies FramesAnswer);
  });
  const tapped = tapTransport(createZmqTransport(), tap);
  const wire = WIRE_VERSIONS[settings.vllmVersion];
  const coordinator = await DPCoordinatorProc.start(settings, {
    transport: settings.handshakeStep ? stepped(tapped, wire) : tapped,
    codec: createWireCodec(wire),
    clock: systemClock,
    logger,
  });
  const message: CoordinatorReadyMessage = { type: 'ready', ...coordinator.addresses };
  process.send?.(message);
}

void main();
