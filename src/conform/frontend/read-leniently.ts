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
import { MsgpackReader } from '../../shared/protocol/msgpack-reader.ts';
import {
  type EngineCoreRequest,
  EngineCoreRequestType,
  type EngineInput,
} from '../../shared/protocol/request.ts';
import type { WireCodec } from '../../shared/protocol/wire-codec.ts';
import type { Frame } from '../../shared/transport/transport.ts';

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

export function readInput(codec: WireCodec, frames: readonly Frame[]): Read<EngineInput> {
  try {
    return { value: codec.decodeEngineInput(frames), problem: null };
  } catch (error) {
    return { value: inputOf(frames), problem: reasonOf(error) };
  }
}

/** The value in a frame, of whatever types; undefined where it is no msgpack. */
function untyped(frames: readonly Frame[], index: number): unknown {
  try {
    return new MsgpackReader(frames, index).any();
  } catch {
    return undefined;
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

function inputOf(frames: readonly Frame[]): EngineInput | null {
  const value = untyped(frames, 1);
  if (!Array.isArray(value)) return null;
  switch (frames[0]?.[0]) {
    case EngineCoreRequestType.ADD: {
      const request = requestOf(value);
      return request === null ? null : { type: 'ADD', request };
    }
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

/** Enough of a request to answer it. */
function requestOf(value: readonly unknown[]): EngineCoreRequest | null {
  const [requestId, promptTokenIds, , params] = value;
  if (typeof requestId !== 'string') return null;
  const maxTokens = recordOf(params)['max_tokens'];
  return createEngineCoreRequest({
    requestId,
    promptTokenIds: Array.isArray(promptTokenIds)
      ? promptTokenIds.filter((id): id is number => typeof id === 'number')
      : null,
    samplingParams: createSamplingParams(typeof maxTokens === 'number' ? { maxTokens } : {}),
  });
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord ? (value as Readonly<Record<string, unknown>>) : {};
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
