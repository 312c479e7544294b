/**
 * What changed on the wire between two vLLM versions, and what breaks when an engine core of one meets a frontend of the
 * other. Pure; from the tables alone, so that a version needs nothing but its table.
 */
import type { WaveRules, WireVersion } from '../wire-version.ts';
import {
  type CrossVerdict,
  crossDecodeStruct,
  messageStruct,
  TYPED_MESSAGE_KINDS,
  type TypedMessage,
} from './cross-decode.ts';
import { sampleStructs } from './sample-messages.ts';
import { type StructDifferences, structDifferences } from './struct-differences.ts';

export type WireDirection = 'engine_to_frontend' | 'frontend_to_engine';

/** A message by its type, or the one call whose argument is a struct; the message itself is decoded then, the call fails. */
export type BrokenMessage = TypedMessage | 'UTILITY add_lora';

/** Who sends what; KV events go to whoever subscribes. */
const DIRECTION_OF: Readonly<Record<BrokenMessage, WireDirection>> = {
  INIT: 'frontend_to_engine',
  EngineCoreReadyResponse: 'engine_to_frontend',
  ADD: 'frontend_to_engine',
  OUTPUT: 'engine_to_frontend',
  KV_EVENT: 'engine_to_frontend',
  'UTILITY add_lora': 'frontend_to_engine',
};

/** Field paths are as in `outputs[].error`. */
export interface Refusal {
  /** The field whose presence, or value beside its default, is refused; null where every message is. */
  readonly when: string | null;
  /** msgspec's words. */
  readonly words: string;
}

export interface Misreading {
  readonly when: string | null;
  readonly fields: readonly string[];
}

/** What a receiver makes of a kind of message; at least one of the lists has something. */
export interface MessageBreak {
  readonly message: BrokenMessage;
  readonly direction: WireDirection;
  /** Versions. */
  readonly sender: string;
  readonly receiver: string;
  readonly rejected: readonly Refusal[];
  readonly misread: readonly Misreading[];
  /** Fields that the receiver skips, whatever they say. */
  readonly dropped: readonly string[];
}

/** An engine core of one version and a frontend of another. */
export interface Meeting {
  readonly engine: string;
  readonly frontend: string;
  readonly breaks: readonly MessageBreak[];
  /** Methods that such a frontend calls and such an engine core has not. */
  readonly missingCalls: readonly string[];
}

/** Names that only one of two versions has. */
export interface NameDifferences {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export interface WireDifferences {
  readonly from: string;
  readonly to: string;
  readonly structs: StructDifferences;
  /** Of READY, which is a dict. */
  readonly ready: NameDifferences;
  /** Of `parallel_config` in INIT, which is one too. */
  readonly parallelConfig: NameDifferences;
  /** Methods of engine cores that frontends call. */
  readonly calls: NameDifferences;
  /** Null where ranks of a mixture-of-experts model come to step together in the same way. */
  readonly waves: { readonly from: WaveRules; readonly to: WaveRules } | null;
  /** The engine core of `from` with the frontend of `to`, then the other way round. */
  readonly meetings: readonly [Meeting, Meeting];
}

export function wireDifferences(from: WireVersion, to: WireVersion): WireDifferences {
  return {
    from: from.vllmVersion,
    to: to.vllmVersion,
    structs: structDifferences(from, to),
    ready: nameDifferences(readyKeys(from), readyKeys(to)),
    parallelConfig: nameDifferences(from.parallelConfigKeys, to.parallelConfigKeys),
    // What one of them has not and the other has.
    calls: nameDifferences(to.absentCalls, from.absentCalls),
    waves: wavesDiffer(from.waves, to.waves) ? { from: from.waves, to: to.waves } : null,
    meetings: [meetingOf(from, to), meetingOf(to, from)],
  };
}

function nameDifferences(from: readonly string[], to: readonly string[]): NameDifferences {
  return {
    added: to.filter((name) => !from.includes(name)),
    removed: from.filter((name) => !to.includes(name)),
  };
}

function readyKeys({ tables }: WireVersion): readonly string[] {
  return tables.handshakeMessage.fields.map(({ wire }) => wire);
}

function wavesDiffer(a: WaveRules, b: WaveRules): boolean {
  return a.startedBy !== b.startedBy || a.isStartReported !== b.isStartReported;
}

function meetingOf(engine: WireVersion, frontend: WireVersion): Meeting {
  const messages: readonly BrokenMessage[] = [...TYPED_MESSAGE_KINDS, 'UTILITY add_lora'];
  const breaks = messages.flatMap((message) => {
    const isFromEngine = DIRECTION_OF[message] === 'engine_to_frontend';
    return isFromEngine ? breakOf(message, engine, frontend) : breakOf(message, frontend, engine);
  });
  const missingCalls = nameDifferences(frontend.absentCalls, engine.absentCalls).added;
  return { engine: engine.vllmVersion, frontend: frontend.vllmVersion, breaks, missingCalls };
}

function breakOf(
  message: BrokenMessage,
  sender: WireVersion,
  receiver: WireVersion,
): readonly MessageBreak[] {
  const found = new FoundBreaks();
  const isCall = message === 'UTILITY add_lora';
  const struct = isCall ? 'loraRequest' : messageStruct(message);
  for (const { field, payload } of sampleStructs(sender, struct)) {
    if (found.isRefused(field)) continue;
    const verdict = crossDecodeStruct(struct, [payload], { sender, receiver });
    found.add(field, isCall ? convertVerdict(verdict) : verdict);
  }
  const { rejected, misread } = found;
  const dropped = [...found.dropped].sort();
  if (rejected.length + misread.length + dropped.length === 0) return [];
  return [
    {
      message,
      direction: DIRECTION_OF[message],
      sender: sender.vllmVersion,
      receiver: receiver.vllmVersion,
      rejected,
      misread,
      dropped,
    },
  ];
}

class FoundBreaks {
  readonly rejected: Refusal[] = [];
  readonly misread: Misreading[] = [];
  readonly dropped = new Set<string>();

  /** Whether it is known that messages with that field, or with what it is in, are refused. */
  isRefused(field: string | null): boolean {
    return this.rejected.some(({ when }) => {
      if (when === null || when === field) return true;
      return field?.startsWith(`${when}.`) === true || field?.startsWith(`${when}[`) === true;
    });
  }

  add(when: string | null, verdict: CrossVerdict): void {
    switch (verdict.verdict) {
      case 'ok':
        return;
      case 'rejected':
        this.rejected.push({ when, words: verdict.words });
        return;
      case 'misread':
        this.misread.push({ when, fields: verdict.fields.map(withoutPlaces) });
        return;
      case 'fields_dropped':
        for (const { path } of verdict.fields) this.dropped.add(withoutPlaces(path));
    }
  }
}

/** `outputs[0].error` is `outputs[].error`. */
function withoutPlaces(path: string): string {
  return path.replace(/\[\d+\]/g, '[]');
}

/** msgspec has another word for None where it converts what is decoded already. Source: msgspec/_core.c convert_none. */
function convertVerdict(verdict: CrossVerdict): CrossVerdict {
  if (verdict.verdict !== 'rejected') return verdict;
  return { ...verdict, words: verdict.words.replace('got `None`', 'got `null`') };
}
