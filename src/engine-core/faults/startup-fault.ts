/**
 * What a fault does to an engine's start. One file a fault, all of them in startup-registry.ts. It is handed what can be
 * changed about the messages of a start, before the first of them goes.
 */
import type { FaultSpec } from '../../shared/faults/fault-spec.ts';
import type { FaultParameters, ParameterValues } from '../../shared/faults/parameter.ts';
import type { FieldChange } from '../../shared/protocol/messages/startup-messages.ts';

/** What an engine says while it starts, in its order. */
export type StartupMessage = 'hello' | 'ready-response' | 'ready';

/** Where an engine's start can be changed. */
export interface StartupFaultHost {
  /** The message goes so much later than it could. */
  delay(message: StartupMessage, ms: number): void;
  /** The engine stops before this message, and says nothing more. */
  stopBefore(message: StartupMessage): void;
  /** HELLO goes twice. */
  repeatHello(): void;
  /** These bytes go in the message's place. */
  replace(message: StartupMessage, bytes: Uint8Array): void;
  /** The engine's sockets have the identity of this rank. */
  claimRank(rank: number): void;
  /** It says that it is remote where it is local, and the other way round. */
  turnPlace(): void;
  /** READY carries what this makes of the engine's own parallel_config_hash. */
  changeHash(change: (own: string) => string): void;
  /** A field of the ready response is another, or missing. */
  changeField(change: FieldChange): void;
  /** The ready response goes when those of the ranks before this one have. */
  reportInOrder(ranks: readonly number[]): void;
}

export interface StartupFault<P extends FaultParameters = FaultParameters> {
  readonly spec: FaultSpec<P>;
  begin(values: ParameterValues<P>, host: StartupFaultHost): void;
}

/** Keeps the parameters' types together with `begin`. */
export function startupFault<P extends FaultParameters>(
  spec: FaultSpec<P>,
  begin: StartupFault<P>['begin'],
): StartupFault<P> {
  return { spec, begin };
}
