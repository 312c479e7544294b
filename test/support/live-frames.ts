/** Frames of wire.json that were recorded with live engine processes, to be sent again to ours. */
import { readFileSync } from 'node:fs';
import type { ExternalBlockHash, KVEventMessage } from '../../src/shared/protocol/kv-events.ts';
import type { EngineCoreOutputs } from '../../src/shared/protocol/outputs.ts';
import { waitUntil } from './wait-for.ts';
import { wireCodec } from './wire-codec.ts';
import type { ZmqFrontend } from './zmq-frontend.ts';

const { decodeEngineCoreOutputs, decodeKVEventMessage } = wireCodec;

export interface LiveSample {
  readonly name: string;
  readonly kind: string;
  readonly frames: readonly string[];
}

/** The samples of one recorded run, in order. */
export function liveSamples(run: string): readonly LiveSample[] {
  const { samples } = JSON.parse(
    readFileSync(new URL('../golden/wire.json', import.meta.url), 'utf8'),
  ) as { samples: readonly LiveSample[] };
  return samples.filter(({ name }) => name.startsWith(`live/${run}/`));
}

function framesOf({ frames }: LiveSample): readonly Buffer[] {
  return frames.map((hex) => Buffer.from(hex, 'hex'));
}

export function recordedOutputs(recorded: readonly LiveSample[]): readonly EngineCoreOutputs[] {
  return recorded
    .filter(({ kind }) => kind === 'OUTPUT')
    .map((sample) => decodeEngineCoreOutputs(framesOf(sample)))
    .filter((outputs) => outputs !== 'ENGINE_CORE_DEAD');
}

export function recordedEvents(recorded: readonly LiveSample[]): readonly KVEventMessage[] {
  return recorded
    .filter(({ kind }) => kind === 'KV_EVENT')
    .map((sample) => decodeKVEventMessage(framesOf(sample)));
}

/** Messages that only carry statistics come whenever a step happens to end; the others are answers. */
function isAnswer({ outputs, utilityOutput }: EngineCoreOutputs): boolean {
  return outputs.length > 0 || utilityOutput !== null;
}

/** Sends each recorded input once everything that was answered before it is there, and waits for the last answer. */
export async function sendRecorded(
  recorded: readonly LiveSample[],
  frontend: ZmqFrontend,
): Promise<void> {
  let numExpected = 0;
  const answered = async (): Promise<void> => {
    const expected = numExpected;
    await waitUntil(
      `${expected} answers`,
      async () => frontend.outputs.filter(isAnswer).length >= expected,
    );
  };
  for (const sample of abortsLater(recorded)) {
    if (sample.kind === 'OUTPUT') {
      const outputs = decodeEngineCoreOutputs(framesOf(sample));
      if (outputs !== 'ENGINE_CORE_DEAD' && isAnswer(outputs)) numExpected += 1;
    }
    if (!['ADD', 'ABORT', 'UTILITY'].includes(sample.kind)) continue;
    await answered();
    const [identity = Buffer.alloc(2), ...frames] = framesOf(sample);
    frontend.sendFrames(identity.readUInt16LE(), frames);
  }
  await answered();
}

/** The recording names an ABORT before the outputs that came until it arrived, of which it kept the first two. */
function abortsLater(recorded: readonly LiveSample[]): readonly LiveSample[] {
  const ordered: LiveSample[] = [];
  let aborts: LiveSample[] = [];
  for (const sample of recorded) {
    if (sample.kind === 'ABORT') {
      aborts.push(sample);
      continue;
    }
    if (sample.kind !== 'OUTPUT') {
      ordered.push(...aborts);
      aborts = [];
    }
    ordered.push(sample);
  }
  return [...ordered, ...aborts];
}

/** Outputs of requests in order, without times; of `cut` requests only the first two. */
export function requestOutputs(
  outputs: readonly EngineCoreOutputs[],
  cut: readonly string[] = [],
): readonly unknown[] {
  const seen = new Map<string, number>();
  const isKept = (requestId: string): boolean => {
    const count = (seen.get(requestId) ?? 0) + 1;
    seen.set(requestId, count);
    return !cut.includes(requestId) || count <= 2;
  };
  return outputs
    .map(({ engineIndex, outputs: list, finishedRequests, weightVersion, schedulerStats }) => ({
      engineIndex,
      finishedRequests,
      weightVersion,
      running: schedulerStats?.numRunningReqs,
      waiting: schedulerStats?.numWaitingReqs,
      usage: schedulerStats?.kvCacheUsage,
      outputs: list
        .filter(({ requestId }) => isKept(requestId))
        .map((output) => ({ ...output, events: output.events?.map(({ type }) => type) ?? null })),
    }))
    .filter((message) => message.outputs.length > 0);
}

export function utilityAnswers(outputs: readonly EngineCoreOutputs[]): readonly unknown[] {
  return outputs.map(({ utilityOutput }) => utilityOutput).filter((answer) => answer !== null);
}

/** Whichever message carries them, queries and hits add up. */
export function prefixCacheSums(outputs: readonly EngineCoreOutputs[]): unknown {
  const sums = { requests: 0, queries: 0, hits: 0 };
  for (const { schedulerStats } of outputs) {
    const stats = schedulerStats?.prefixCacheStats;
    sums.requests += stats?.requests ?? 0;
    sums.queries += stats?.queries ?? 0;
    sums.hits += stats?.hits ?? 0;
  }
  return sums;
}

/** Batches without times. Hashes depend on a process's secret, so they are numbered as they come. */
export function comparableEvents(messages: readonly KVEventMessage[]): readonly unknown[] {
  const numbers = new Map<string, number>();
  const numberOf = (hash: ExternalBlockHash): number => {
    const number = numbers.get(String(hash)) ?? numbers.size;
    numbers.set(String(hash), number);
    return number;
  };
  return messages.map(({ topic, seq, batch }) => ({
    topic,
    seq,
    rank: batch.dataParallelRank,
    events: batch.events.map((event) => {
      if (event.type === 'AllBlocksCleared') return event;
      const blockHashes = event.blockHashes.map(numberOf);
      if (event.type === 'BlockRemoved') return { ...event, blockHashes };
      const { parentBlockHash: parent } = event;
      return { ...event, blockHashes, parentBlockHash: parent === null ? null : numberOf(parent) };
    }),
  }));
}
