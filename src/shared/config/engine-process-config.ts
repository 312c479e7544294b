import * as v from 'valibot';
import { type ScheduledFault, scheduledFaultSchema } from '../faults/scheduled-fault.ts';
import type { EngineIndex } from '../protocol/ids.ts';
import { boolean, integer, listOf, onlyFields, string } from '../schema.ts';
import { engineArgsSchema } from './engine-args-schema.ts';
import type { EngineArgs } from './registry.ts';

/** What an engine-core process is started with: one JSON word on its command line. */
export interface EngineProcessConfig {
  /** Of this rank: --engine-overrides already applied. */
  readonly args: EngineArgs;
  readonly rank: EngineIndex;
  /** Place among the engines that the same parent started. */
  readonly localRank: number;
  readonly handshakeAddress: string;
  /** The colocated frontend of a hybrid or external rank above 0; it gives the request sockets. */
  readonly clientHandshakeAddress: string | null;
  /** The frontend's private folder, which goes with its owner; null where this engine's parent has none. */
  readonly privateDirectory: string | null;
  /** Started by `serve --headless`: no frontend on this side. */
  readonly headless: boolean;
  /** What a scenario gives this engine with its start; empty without one. */
  readonly faultPlan: readonly ScheduledFault[];
}

/** The command-line word, which everybody on the machine can read: keys of the HTTP server are none of an engine's. */
export function encodeProcessConfig(config: EngineProcessConfig): string {
  return JSON.stringify({ ...config, args: { ...config.args, apiKey: [] } });
}

export function engineProcessConfigSchema(): v.GenericSchema<unknown, EngineProcessConfig> {
  return v.pipe(
    v.unknown(),
    onlyFields({
      rank: integer(),
      localRank: integer(),
      handshakeAddress: string,
      clientHandshakeAddress: v.nullable(string),
      privateDirectory: v.nullable(string),
      headless: boolean,
      faultPlan: listOf(scheduledFaultSchema()),
      args: engineArgsSchema(),
    }),
  );
}
