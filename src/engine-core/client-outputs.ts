import type { EngineCoreOutputs } from '../shared/protocol/outputs.ts';

/** One message to one client; -1 is the data-parallel coordinator. */
export interface ClientOutputs {
  readonly clientIndex: number;
  readonly outputs: EngineCoreOutputs;
}
