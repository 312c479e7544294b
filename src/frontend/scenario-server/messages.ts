/** What a scenario's runner and its server say to each other, over the IPC channel. */
import { engineArgsSchema } from '../../shared/config/engine-args-schema.ts';
import type { EngineArgs } from '../../shared/config/registry.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { Injection } from '../../shared/faults/injection.ts';
import { injectionSchema } from '../../shared/faults/scheduled-fault.ts';
import type { EngineCoreReadyResponse } from '../../shared/protocol/ready-response.ts';
import { fields, listOf, parse } from '../../shared/schema.ts';

/** The runner's first message, and its only one. */
export interface ServerOrder {
  readonly args: EngineArgs;
  /** Before the engines' HELLO. */
  readonly startFaults: readonly Injection[];
}

/** It listens. */
export interface ServerStarted {
  readonly type: 'started';
  readonly address: string;
  /** By rank. */
  readonly engines: readonly (readonly [number, EngineCoreReadyResponse])[];
}

/** It ends for a reason that has a code; the runner is the one that says it. */
export interface ServerFailed {
  readonly type: 'failed';
  readonly code: ErrorCode;
  readonly message: string;
}

/** Throws E_BAD_FLAG. */
export function parseServerOrder(message: unknown): ServerOrder {
  return parse(
    fields({ args: engineArgsSchema(), startFaults: listOf(injectionSchema()) }),
    message,
    {
      code: 'E_BAD_FLAG',
      whole: "a scenario's server",
      noun: 'the message',
      remedy: '; vllm-twin serve --scenario starts this process',
    },
  );
}

export function isStarted(message: unknown): message is ServerStarted {
  return typeOf(message) === 'started';
}

export function isFailed(message: unknown): message is ServerFailed {
  return typeOf(message) === 'failed';
}

function typeOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null && 'type' in message ? message.type : null;
}
