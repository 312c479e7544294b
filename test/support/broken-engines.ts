/** For each check of an engine a peer that is broken in one way, which that check alone must find. */
import { createEngineCoreOutput } from '../../src/shared/protocol/defaults.ts';
import {
  type EngineCoreOutput,
  type EngineCoreOutputs,
  FinishReason,
} from '../../src/shared/protocol/outputs.ts';
import type { EngineInput, UtilityCall } from '../../src/shared/protocol/request.ts';
import { without } from '../../src/shared/protocol/struct-table.ts';
import { WIRE_VERSIONS } from '../../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../../src/shared/protocol/wire-codec.ts';
import type { Frame, SocketName } from '../../src/shared/transport/transport.ts';
import type { JudgedEngines, Mutation, Passing } from './conform-engine.ts';

const VERSION = WIRE_VERSIONS['0.33.0'];
export const codec = createWireCodec(VERSION);
const SUBSCRIBE = 1;

export const KV_EVENTS = {
  kvEventsConfig: {
    enable_kv_cache_events: true,
    publisher: 'zmq',
    endpoint: 'inproc://kv-events',
    replay_endpoint: 'inproc://kv-replay',
    topic: 'kv',
  },
} as const;

type Outputs = (outputs: EngineCoreOutputs) => EngineCoreOutputs | readonly EngineCoreOutputs[];

/** Changes what leaves on the output sockets. */
export function outputs(change: Outputs, encode = codec.encodeEngineCoreOutputs): Mutation {
  return {
    send({ socket, frames }) {
      if (socket !== 'output') return [frames];
      const read = codec.decodeEngineCoreOutputs(frames);
      if (read === 'ENGINE_CORE_DEAD') return [frames];
      return [change(read)].flat().map((message) => encode(message));
    },
  };
}

export function eachOutput(
  change: (output: EngineCoreOutput) => readonly EngineCoreOutput[],
): Mutation {
  return outputs((message) => ({ ...message, outputs: message.outputs.flatMap(change) }));
}

export function answers(
  change: (answer: NonNullable<EngineCoreOutputs['utilityOutput']>) => unknown,
) {
  return outputs((message) => {
    if (message.utilityOutput === null) return message;
    const changed = { ...message.utilityOutput, ...(change(message.utilityOutput) as object) };
    return { ...message, utilityOutput: changed };
  });
}

export function stats(
  change: (stats: NonNullable<EngineCoreOutputs['schedulerStats']>) => object,
): Mutation {
  return outputs((message) => {
    const { schedulerStats } = message;
    return schedulerStats === null
      ? message
      : { ...message, schedulerStats: { ...schedulerStats, ...change(schedulerStats) } };
  });
}

/** Changes what comes on the input sockets; null drops it. */
export function inputs(change: (input: EngineInput) => EngineInput | null): Mutation {
  return {
    receive({ socket, frames }) {
      if (socket !== 'input') return [frames];
      const input = readInput(frames);
      if (input === null) return [frames];
      const changed = change(input);
      if (changed === input) return [frames];
      return changed === null ? [] : [codec.encodeEngineInput(changed)];
    },
  };
}

function readInput(frames: readonly Frame[]): EngineInput | null {
  try {
    return codec.decodeEngineInput(frames);
  } catch {
    return null;
  }
}

export function calls(change: (call: UtilityCall) => UtilityCall): Mutation {
  return inputs((input) =>
    input.type === 'UTILITY' ? { type: 'UTILITY', call: change(input.call) } : input,
  );
}

/** Whatever of a message begins with this socket's name. */
export function on(
  name: SocketName,
  change: (message: Passing) => readonly (readonly Frame[])[],
): Mutation {
  return { send: (message) => (message.socket === name ? change(message) : [message.frames]) };
}

/** HELLO or READY, as a word in its bytes says. */
export function saying(word: 'HELLO' | 'READY', change: Mutation['send'] & {}): Mutation {
  return on('handshake', (message) =>
    Buffer.from(message.frames[0] ?? []).includes(word) ? change(message) : [message.frames],
  );
}

/** The map with one more entry. */
function withKey([map]: readonly Frame[]): readonly Frame[] {
  const bytes = Buffer.from(map ?? []);
  const entry = Buffer.concat([Buffer.of(0xa5), Buffer.from('extra'), Buffer.of(0xc0)]);
  const first = bytes[0] ?? 0;
  const isShort = (first & 0xf0) === 0x80;
  const head = isShort ? Buffer.of(first + 1) : Buffer.of(0xde, bytes[1] ?? 0, (bytes[2] ?? 0) + 1);
  return [Buffer.concat([head, bytes.subarray(isShort ? 1 : 3), entry])];
}

/** READY with another `local`. */
function turned([map]: readonly Frame[]): readonly Frame[] {
  const bytes = Buffer.from(map ?? []);
  const at = bytes.indexOf('local') + 'local'.length;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return [bytes];
}

export const one = (mutation: Mutation): JudgedEngines => ({ mutate: () => mutation });
const twoWith = (mutation: Mutation): JudgedEngines => ({
  size: 2,
  mutate: (rank) => (rank === 0 ? mutation : {}),
});
const faulty = (fault: string, parameters: object = {}): JudgedEngines => ({
  faults: [{ fault, ...parameters }],
});

const HANDSHAKE: Readonly<Record<string, JudgedEngines>> = {
  'hello.identity': one({
    identity: (socket, identity) =>
      socket === 'handshake' ? Uint8Array.of(...identity, 0) : identity,
  }),
  'hello.ranks': one({
    identity: (socket, identity) => (socket === 'handshake' ? Uint8Array.of(7, 0) : identity),
  }),
  'hello.fields': one(saying('HELLO', ({ frames }) => [withKey(frames)])),
  'hello.place': faulty('handshake.wrong-local'),
  'hello.once': faulty('handshake.second-hello'),
  'init.inputs': one(on('input', ({ index, frames }) => (index === 1 ? [] : [frames]))),
  'ready.said': one(saying('READY', () => [])),
  'ready.order': one(
    saying('HELLO', ({ frames }) => [
      codec.encodeHandshakeMessage({ status: 'READY', local: false, headless: true }),
      frames,
    ]),
  ),
  'ready.fields': one(saying('READY', ({ frames }) => [withKey(frames)])),
  'ready.place': one(saying('READY', ({ frames }) => [turned(frames)])),
  'ready.hash': { ...faulty('handshake.hash-mismatch'), size: 2, isMoe: true },
  'ready-response.message': one(on('input', ({ frames }) => [[...frames, Uint8Array.of(0xc0)]])),
  'ready-response.once': one(
    on('input', ({ index, frames }) => (index === 0 ? [frames, frames] : [frames])),
  ),
  'ready-response.same': one(
    on('input', ({ index, frames }) => {
      const response = codec.decodeReadyResponse(frames);
      const other = { ...response, instanceId: `${response.instanceId}0` };
      return index === 1 ? [codec.encodeReadyResponse(other)] : [frames];
    }),
  ),
  'ready-response.extra': one(on('input', ({ frames }) => [withKey(frames)])),
  ...Object.fromEntries(
    VERSION.tables.engineCoreReadyResponse.fields.map(({ wire }) => [
      `ready-response.${wire}`,
      faulty('handshake.field', { field: wire, drop: true }),
    ]),
  ),
};

const NO_LOGPROBS = {
  logprobTokenIds: { dtype: '<i4', shape: [1, 1], data: new Uint8Array(4) },
  logprobs: { dtype: '<f4', shape: [1, 1], data: new Uint8Array(4) },
  sampledTokenRanks: { dtype: '<i4', shape: [1], data: new Uint8Array(4) },
  cuNumGeneratedTokens: null,
};

const REQUESTS: Readonly<Record<string, JudgedEngines>> = {
  'add.tokens': one(
    inputs((input) => {
      if (input.type !== 'ADD') return input;
      const { samplingParams } = input.request;
      if (samplingParams?.maxTokens !== 9) return input;
      return {
        ...input,
        request: { ...input.request, samplingParams: { ...samplingParams, maxTokens: 8 } },
      };
    }),
  ),
  'add.length': one(
    eachOutput((output) => [
      output.finishReason === FinishReason.LENGTH
        ? { ...output, finishReason: FinishReason.STOP }
        : output,
    ]),
  ),
  'add.finish-once': one(
    eachOutput((output) =>
      output.finishReason === null || output.newTokenIds.length === 0
        ? [output]
        : [output, { ...output, newTokenIds: [], finishReason: null, prefillStats: null }],
    ),
  ),
  'add.stop-token': one(
    eachOutput((output) => [
      output.finishReason === FinishReason.STOP ? { ...output, stopReason: null } : output,
    ]),
  ),
  'add.logprobs': one(eachOutput((output) => [{ ...output, newLogprobs: null }])),
  'add.no-logprobs': one(
    eachOutput((output) => [{ ...output, newLogprobs: output.newLogprobs ?? NO_LOGPROBS }]),
  ),
  'add.prefill-stats': one(eachOutput((output) => [{ ...output, prefillStats: null }])),
  'add.n': one(
    inputs((input) =>
      input.type === 'ADD' && input.request.requestId.startsWith('1_') ? null : input,
    ),
  ),
  'add.priority': one(
    inputs((input) => (input.type === 'ADD' && input.request.priority !== 0 ? null : input)),
  ),
  'add.many': { mutate: () => fewAtOnce(4) },
  'outputs.client': one(
    inputs((input) =>
      input.type === 'ADD' ? { ...input, request: { ...input.request, clientIndex: 0 } } : input,
    ),
  ),
  'outputs.engine-index': one(outputs((message) => ({ ...message, engineIndex: 5 }))),
  'outputs.timestamp': one(
    outputs((message) => ({ ...message, timestamp: 1e9 - message.timestamp })),
  ),
  'outputs.readable': one(
    on('output', ({ frames: [first = new Uint8Array(), ...others] }) => {
      // An array of nine becomes one of ten.
      const isOutputs = first[0] === 0x99;
      const longer = Buffer.concat([Buffer.of(0x9a), first.subarray(1), Buffer.of(0xc0)]);
      return [[isOutputs ? longer : first, ...others]];
    }),
  ),
  'stats.cadence': { mutate: () => withoutSomeStats() },
  'stats.fields': one(
    outputs(
      (message) => message,
      createWireCodec({
        ...VERSION,
        tables: {
          ...VERSION.tables,
          schedulerStats: without(VERSION.tables.schedulerStats, ['num_skipped_waiting_reqs']),
        },
      }).encodeEngineCoreOutputs,
    ),
  ),
  'stats.running': one(stats(({ numRunningReqs: n }) => ({ numRunningReqs: Math.min(n, 1) }))),
  'stats.idle': one(stats(({ numRunningReqs: n }) => ({ numRunningReqs: Math.max(n, 1) }))),
  'stats.usage': one(stats(() => ({ kvCacheUsage: 42 }))),
  'stats.prefix-cache': one(
    stats(({ prefixCacheStats: counts }) => ({
      prefixCacheStats: { ...counts, queries: 2 * counts.queries },
    })),
  ),
};

/** Requests beyond so many at once are lost. */
function fewAtOnce(most: number): Mutation {
  const open = new Set<string>();
  const taken = inputs((input) => {
    if (input.type === 'ABORT') for (const id of input.requestIds) open.delete(id);
    if (input.type !== 'ADD') return input;
    if (open.size >= most) return null;
    open.add(input.request.requestId);
    return input;
  });
  const given = eachOutput((output) => {
    if (output.finishReason !== null) open.delete(output.requestId);
    return [output];
  });
  return { ...taken, ...given };
}

/** Neither the first nor the last message of a request is without: what they count is not lost. */
function withoutSomeStats(): Mutation {
  return outputs((message) => {
    const [output] = message.outputs;
    const isBetween =
      output !== undefined && output.prefillStats === null && output.finishReason === null;
    return isBetween && message.outputs.length === 1 && output.newTokenIds.length > 0
      ? { ...message, schedulerStats: null }
      : message;
  });
}

const CONTROL: Readonly<Record<string, JudgedEngines>> = {
  'abort.running': { mutate: () => tellingOf('running') },
  'abort.others': { mutate: () => abortingAll() },
  'abort.waiting': { mutate: () => deafWhilePaused() },
  'abort.unknown': { mutate: () => tellingOf('unknown') },
  'utility.result': one(answers(({ result }) => ({ result: result === false ? null : result }))),
  'utility.tasks': one(answers(({ result }) => ({ result: Array.isArray(result) ? [] : result }))),
  'utility.unknown': one(failing('no_such_method')),
  'utility.arguments': one(failing('is_sleeping')),
  'utility.call-id': one(answers(({ callId }) => ({ callId: BigInt(Number(callId)) }))),
  'utility.once': one(
    outputs((message) => (message.utilityOutput === null ? message : [message, message])),
  ),
  'utility.reset-prefix-cache': one(
    calls((call) =>
      call.method === 'reset_prefix_cache' ? { ...call, method: 'is_sleeping' } : call,
    ),
  ),
  'pause.abort': one(
    eachOutput((output) => [
      output.finishReason === FinishReason.ABORT
        ? { ...output, finishReason: FinishReason.ERROR }
        : output,
    ]),
  ),
  'pause.holds': one(
    calls((call) =>
      call.method === 'is_scheduler_paused' ? { ...call, method: 'get_supported_tasks' } : call,
    ),
  ),
  'pause.keep': one(
    calls((call) =>
      call.args[0] === 'keep' ? { ...call, method: 'is_sleeping', args: [] } : call,
    ),
  ),
  'pause.wait': one(
    calls((call) =>
      call.args[0] === 'wait' ? { ...call, method: 'is_sleeping', args: [] } : call,
    ),
  ),
  'sleep.scheduling': one(
    calls((call) =>
      call.method === 'sleep' && call.args[0] === 0
        ? { ...call, method: 'is_sleeping', args: [] }
        : call,
    ),
  ),
  'sleep.memory': {
    args: { enableSleepMode: true },
    mutate: () =>
      calls((call) =>
        call.method === 'sleep' && call.args[0] === 1
          ? { ...call, method: 'is_sleeping', args: [] }
          : call,
      ),
  },
};

/** Failures of one method are told as results. */
function failing(method: string): Mutation {
  return answers(({ failureMessage, result }) =>
    failureMessage?.includes(method) === true
      ? { failureMessage: null, result: null }
      : { failureMessage, result },
  );
}

/** Tells the frontend of the end of what it aborted, with the next message. */
function tellingOf(which: 'running' | 'unknown'): Mutation {
  const begun = new Set<string>();
  const known = new Set<string>();
  const told: EngineCoreOutput[] = [];
  const taken = inputs((input) => {
    if (input.type === 'ADD') known.add(input.request.requestId);
    if (input.type === 'ABORT')
      for (const requestId of input.requestIds)
        if (which === 'running' ? begun.has(requestId) : !known.has(requestId))
          told.push(createEngineCoreOutput({ requestId, finishReason: FinishReason.ABORT }));
    return input;
  });
  const given = outputs((message) => {
    for (const { requestId } of message.outputs) begun.add(requestId);
    return { ...message, outputs: [...message.outputs, ...told.splice(0)] };
  });
  return { ...taken, ...given };
}

function abortingAll(): Mutation {
  const seen: string[] = [];
  return inputs((input) => {
    if (input.type === 'ADD') seen.push(input.request.requestId);
    return input.type === 'ABORT' ? { ...input, requestIds: seen } : input;
  });
}

/** Loses ABORT while it is paused. */
function deafWhilePaused(): Mutation {
  let isPaused = false;
  return inputs((input) => {
    if (input.type === 'UTILITY' && input.call.method === 'pause_scheduler') isPaused = true;
    if (input.type === 'UTILITY' && input.call.method === 'resume_scheduler') isPaused = false;
    return input.type === 'ABORT' && isPaused ? null : input;
  });
}

const EVENTS: Readonly<Record<string, JudgedEngines>> = {
  'kv-events.stored': {
    args: KV_EVENTS,
    mutate: () =>
      on('kv_events', ({ frames }) => {
        const { topic, seq, batch } = codec.decodeKVEventMessage(frames);
        const payload = codec.encodeKVEventBatch({ ...batch, dataParallelRank: 9 });
        return [codec.encodeKVEventMessage({ topic, seq, payload })];
      }),
  },
  'kv-events.sequence': {
    args: KV_EVENTS,
    mutate: () => on('kv_events', ({ frames }) => [frames, frames]),
  },
  'kv-events.replay': {
    args: KV_EVENTS,
    mutate: () =>
      on('kv_events_replay', ({ frames }) =>
        codec.decodeKVEventReplayReply(frames).type === 'end' ? [] : [frames],
      ),
  },
};

const COORDINATED: Readonly<Record<string, JudgedEngines>> = {
  'coordinator.subscribe': {
    size: 2,
    mutate: () =>
      on('coordinator_input', ({ frames, deliver }) => {
        if (frames[0]?.[0] === SUBSCRIBE) deliver(codec.encodeCoordinatorReady());
        return [];
      }),
  },
  'coordinator.counts': twoWith(on('coordinator_output', () => [])),
  'coordinator.finished': twoWith(outputs((message) => ({ ...message, finishedRequests: null }))),
  'wave.start': silentStart(),
  'wave.complete': {
    size: 2,
    isMoe: true,
    mutate: () =>
      on('coordinator_output', ({ frames }) => {
        const message = codec.decodeEngineCoreOutputs(frames);
        const isEnd = message !== 'ENGINE_CORE_DEAD' && message.waveComplete !== null;
        return isEnd ? [frames, frames] : [frames];
      }),
  },
};

/** Rank 0 wakes the other rank itself, and tells the coordinator nothing of it. */
function silentStart(): JudgedEngines {
  let wakeOther: (frames: readonly Frame[]) => void = () => {};
  return {
    size: 2,
    isMoe: true,
    mutate: (rank) =>
      rank === 1
        ? on('coordinator_input', ({ frames, deliver }) => {
            wakeOther = deliver;
            return [frames];
          })
        : on('coordinator_output', ({ frames }) => {
            const message = codec.decodeEngineCoreOutputs(frames);
            if (message === 'ENGINE_CORE_DEAD' || message.startWave === null) return [frames];
            const { startWave: wave, engineIndex: excludeEngineIndex } = message;
            wakeOther(codec.encodeEngineInput({ type: 'START_DP_WAVE', wave, excludeEngineIndex }));
            return [];
          }),
  };
}

const ENDS: Readonly<Record<string, JudgedEngines>> = {
  'odd.no-params': one(
    eachOutput((output) => (output.finishReason === FinishReason.ERROR ? [] : [output])),
  ),
  'odd.wave': { mutate: () => losingNextAdd((input) => input.type === 'START_DP_WAVE') },
  'frontend.returns': {
    mutate: (_rank, wasReopened) => {
      let hasLost = false;
      return inputs((input) => {
        if (input.type !== 'ADD' || !wasReopened() || hasLost) return input;
        hasLost = true;
        return null;
      });
    },
  },
  'garbage.running': { mutate: () => endingAtGarbage() },
  'death.message': one(
    on('output', ({ index, frames }) =>
      index === 1 && codec.decodeEngineCoreOutputs(frames) === 'ENGINE_CORE_DEAD' ? [] : [frames],
    ),
  ),
};

function losingNextAdd(at: (input: EngineInput) => boolean): Mutation {
  let isLosing = false;
  return inputs((input) => {
    if (at(input)) isLosing = true;
    if (input.type !== 'ADD' || !isLosing) return input;
    isLosing = false;
    return null;
  });
}

/** What cannot be read ends all that runs. */
function endingAtGarbage(): Mutation {
  const seen: string[] = [];
  return {
    receive({ socket, frames }) {
      if (socket !== 'input') return [frames];
      const input = readInput(frames);
      if (input?.type === 'ADD') seen.push(input.request.requestId);
      if (input !== null || frames[0]?.[0] === 4) return [frames];
      return [codec.encodeEngineInput({ type: 'ABORT', requestIds: seen })];
    },
  };
}

/** By the check's id, without `engine.`. */
export const BROKEN_ENGINES: Readonly<Record<string, JudgedEngines>> = {
  ...HANDSHAKE,
  ...REQUESTS,
  ...CONTROL,
  ...EVENTS,
  ...COORDINATED,
  ...ENDS,
};
