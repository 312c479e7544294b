/**
 * What can be made of a frontend's message whatever is wrong with it: one fault is one check's, and the engines go on. A
 * message is read by the version's tables first; where they refuse it, by position and name.
 */
import { reasonOf } from '../../shared/errors.ts';
import { createEngineCoreRequest, createSamplingParams } from '../../shared/protocol/defaults.ts';
import type {
  EngineHandshakeMetadata,
  EngineZmqAddresses,
} from '../../shared/protocol/handshake.ts';
import {
  type EngineCoreRequest,
  EngineCoreRequestType,
  type EngineInput,
  type SamplingParams,
} from '../../shared/protocol/request.ts';
import type { WireTables } from '../../shared/protocol/struct-table.ts';
import type { WireCodec } from '../../shared/protocol/wire-codec.ts';
import type { Frame } from '../../shared/transport/transport.ts';
import { fieldsOf, recordOf, textsOf, untyped } from '../untyped.ts';

export interface Read<T> {
  /** Null: nothing can be made of it. */
  readonly value: T | null;
  /** Why the version's tables refuse it; null where they do not. */
  readonly problem: string | null;
}

export function readInit(
  codec: WireCodec,
  frames: readonly Frame[],
): Read<EngineHandshakeMetadata> {
  try {
    return { value: codec.decodeHandshakeMetadata(frames), problem: null };
  } catch (error) {
    return { value: initOf(untyped(frames, 0)), problem: reasonOf(error) };
  }
}

export function readInput(
  codec: WireCodec,
  tables: WireTables,
  frames: readonly Frame[],
): Read<EngineInput> {
  try {
    return { value: codec.decodeEngineInput(frames), problem: null };
  } catch (error) {
    return { value: inputOf(frames, tables), problem: reasonOf(error) };
  }
}

function initOf(value: unknown): EngineHandshakeMetadata | null {
  const { addresses, parallel_config: parallelConfig } = recordOf(value);
  const named = recordOf(addresses);
  const read: EngineZmqAddresses = {
    inputs: textsOf(named['inputs']),
    outputs: textsOf(named['outputs']),
    coordinatorInput: textOrNull(named['coordinator_input']),
    coordinatorOutput: textOrNull(named['coordinator_output']),
    frontendStatsPublishAddress: textOrNull(named['frontend_stats_publish_address']),
  };
  const isUsable = read.inputs.length > 0 && read.outputs.length > 0;
  return isUsable ? { addresses: read, parallelConfig: recordOf(parallelConfig) } : null;
}

function inputOf(frames: readonly Frame[], tables: WireTables): EngineInput | null {
  const value = untyped(frames, 1);
  if (frames[0]?.[0] === EngineCoreRequestType.ABORT && typeof value === 'string')
    return { type: 'ABORT', requestIds: [value] };
  if (frames[0]?.[0] === EngineCoreRequestType.ADD) {
    const request = requestOf(value, tables);
    return request === null ? null : { type: 'ADD', request };
  }
  if (!Array.isArray(value)) return null;
  switch (frames[0]?.[0]) {
    case EngineCoreRequestType.ABORT:
      return { type: 'ABORT', requestIds: textsOf(value) };
    case EngineCoreRequestType.UTILITY:
      return utilityOf(value);
    default:
      return null;
  }
}

function utilityOf(value: readonly unknown[]): EngineInput | null {
  const [clientIndex, callId, method, args] = value;
  if (typeof callId !== 'number' && typeof callId !== 'bigint') return null;
  return {
    type: 'UTILITY',
    call: {
      callId,
      clientIndex: typeof clientIndex === 'number' ? clientIndex : 0,
      method: String(method),
      args: Array.isArray(args) ? args : [],
    },
  };
}

/** A request with what stands in the places of its fields, whatever it is; what it is answered by has its types. */
function requestOf(value: unknown, tables: WireTables): EngineCoreRequest | null {
  const known = fieldsOf(value, tables.engineCoreRequest as never) ?? {};
  const fields = Object.fromEntries(
    Object.entries(known).filter(([, inside]) => inside !== undefined),
  );
  const { requestId, promptTokenIds } = fields;
  if (typeof requestId !== 'string') return null;
  return createEngineCoreRequest({
    // Of the wrong types, maybe: that is what a check that compares them is to see.
    ...(fields as Partial<EngineCoreRequest>),
    requestId,
    promptTokenIds: Array.isArray(promptTokenIds) ? promptTokenIds.filter(isTokenId) : null,
    samplingParams: samplingParamsOf(recordOf(fields['samplingParams']), tables),
  });
}

function samplingParamsOf(named: Readonly<Record<string, unknown>>, tables: WireTables) {
  const fields: Record<string, unknown> = {};
  for (const { wire, key } of tables.samplingParams.fields)
    if (wire in named) fields[key] = named[wire];
  const { maxTokens, logprobs } = fields;
  return createSamplingParams({
    ...(fields as Partial<SamplingParams>),
    maxTokens: wholeOf(maxTokens),
    logprobs: wholeOf(logprobs),
  });
}

/** The number that was meant, by a text too. */
function wholeOf(value: unknown): number | null {
  const number = (value ?? null) === null ? null : Number(value);
  return isTokenId(number) ? number : null;
}

function isTokenId(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
