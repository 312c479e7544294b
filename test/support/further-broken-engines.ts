/** Further ways to break what a check looks at: each is one deviation, which the named check alone must find. */
import { any } from '../../src/shared/protocol/field-types.ts';
import {
  type EngineCoreOutputs,
  FINISH_REASON_STRINGS,
  FinishReason,
  type LogprobsLists,
} from '../../src/shared/protocol/outputs.ts';
import { EngineCoreRequestType } from '../../src/shared/protocol/request.ts';
import {
  extend,
  optional,
  replace,
  type WireTables,
} from '../../src/shared/protocol/struct-table.ts';
import { WIRE_VERSIONS } from '../../src/shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../../src/shared/protocol/wire-codec.ts';
import type { Frame } from '../../src/shared/transport/transport.ts';
import { calls, codec, eachOutput, inputs, on, one, outputs, saying } from './broken-engines.ts';
import type { JudgedEngines, Mutation } from './conform-engine.ts';

const VERSION = WIRE_VERSIONS['0.33.0'];

const UNEXPECTED_RANK = Uint8Array.of(5, 0);

/** Words of a handshake message, changed where they stand: both have one length. */
function reworded([map]: readonly Frame[], from: string, to: string): readonly Frame[] {
  const bytes = Buffer.from(map ?? []);
  bytes.write(to, bytes.indexOf(from), 'latin1');
  return [bytes];
}

/** `true` of a handshake message's key becomes `false`, and the other way round. */
function turned([map]: readonly Frame[], key: string): readonly Frame[] {
  const bytes = Buffer.from(map ?? []);
  const at = bytes.indexOf(key) + key.length;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return [bytes];
}

type Ready = ReturnType<typeof codec.decodeReadyResponse>;

function ready(change: (response: Ready) => Partial<Ready>): JudgedEngines {
  return one(
    on('input', ({ frames }) => {
      const response = codec.decodeReadyResponse(frames);
      return [codec.encodeReadyResponse({ ...response, ...change(response) })];
    }),
  );
}

const MORE = optional('extra', any, null);
const ANY_REASON = optional('finish_reason', any, null);
const ANY_RESULT = optional('result', any, null);

/** What an engine says in the words of other tables. */
function written(
  tables: Partial<WireTables>,
  change: (message: EngineCoreOutputs) => EngineCoreOutputs = (message) => message,
): JudgedEngines {
  const { encodeEngineCoreOutputs } = createWireCodec({
    ...VERSION,
    tables: { ...VERSION.tables, ...tables },
  });
  return one(outputs(change, encodeEngineCoreOutputs));
}

/** What is wrong, the id of its check without `engine.`, the engine. */
export const FURTHER_BROKEN_ENGINES: readonly (readonly [string, string, JudgedEngines])[] = [
  [
    'an identity of text',
    'hello.identity',
    one({ identity: (socket, own) => (socket === 'handshake' ? Buffer.from('0') : own) }),
  ],
  [
    'an input socket with another identity',
    'hello.identity',
    one({ identity: (socket, own) => (socket === 'input' ? UNEXPECTED_RANK : own) }),
  ],
  [
    'another status than HELLO',
    'hello.fields',
    one(saying('HELLO', ({ frames }) => [reworded(frames, 'HELLO', 'START')])),
  ],
  [
    'an empty part before HELLO',
    'hello.fields',
    one(saying('HELLO', ({ frames }) => [[new Uint8Array(), ...frames]])),
  ],
  [
    'HELLO alone says that it is local',
    'hello.place',
    one(saying('HELLO', ({ frames }) => [turned(frames, 'local')])),
  ],
  [
    'another status than READY',
    'ready.fields',
    one(saying('READY', ({ frames }) => [reworded(frames, 'READY', 'START')])),
  ],
  ['a max_model_len of 0', 'ready-response.max_model_len', ready(() => ({ maxModelLen: 0 }))],
  ['a dtype that torch has not', 'ready-response.dtype', ready(() => ({ dtype: 'half' }))],
  [
    'fewer requests than the pool holds',
    'ready-response.kv_cache_max_concurrency',
    ready(() => ({ kvCacheMaxConcurrency: 1.5 })),
  ],
  [
    'more tokens than the pool holds',
    'ready-response.kv_cache_size_tokens',
    ready(({ kvCacheSizeTokens }) => ({ kvCacheSizeTokens: 2 * (kvCacheSizeTokens ?? 0) })),
  ],
  [
    'no end of a request',
    'add.length',
    one(eachOutput((output) => [{ ...output, finishReason: endOf(output.finishReason) }])),
  ],
  [
    'probabilities instead of their logarithms',
    'add.logprobs',
    one(
      eachOutput((output) => [
        output.newLogprobs === null
          ? output
          : { ...output, newLogprobs: halves(output.newLogprobs) },
      ]),
    ),
  ],
  ['an end at the first request with a priority', 'add.priority', { mutate: () => mute() }],
  ['everything said to both frontends', 'outputs.client', { mutate: () => toBoth() }],
  [
    'timestamps in milliseconds',
    'outputs.timestamp',
    one(outputs((message) => ({ ...message, timestamp: 1000 * message.timestamp }))),
  ],
  [
    'one more key of scheduler_stats',
    'stats.fields',
    written({ schedulerStats: extend(VERSION.tables.schedulerStats, [MORE]) }),
  ],
  [
    'ABORT that is heeded of the first id alone',
    'abort.others',
    one(
      inputs((input) =>
        input.type === 'ABORT' ? { ...input, requestIds: input.requestIds.slice(0, 1) } : input,
      ),
    ),
  ],
  [
    'statistics that are missing while two requests run',
    'stats.cadence',
    one(
      outputs((message) =>
        message.outputs.length > 1 ? { ...message, schedulerStats: null } : message,
      ),
    ),
  ],
  ['one limit for all that runs', 'add.many', { mutate: () => withOneLimit() }],
  [
    'ABORT of several ids that is not heeded',
    'abort.others',
    one({
      receive: (message) => {
        const { socket, frames } = message;
        if (socket !== 'input' || frames[0]?.[0] !== EngineCoreRequestType.ABORT) return [frames];
        const input = codec.decodeEngineInput(frames);
        return input.type === 'ABORT' && input.requestIds.length > 1 ? [] : [frames];
      },
    }),
  ],
  ['ABORT that is not heeded once a request runs', 'abort.running', { mutate: () => deafToRun() }],
  ['keep that waits for the end of what runs', 'pause.keep', asIfPausedBy('keep', 'wait')],
  ['abort that waits for the end of what runs', 'pause.abort', asIfPausedBy('abort', 'wait')],
  ['resume_scheduler that does nothing', 'pause.holds', unheard('resume_scheduler')],
  ['wake_up that does nothing', 'sleep.scheduling', unheard('wake_up')],
  [
    'a finish_reason that is a word',
    'outputs.readable',
    written(
      { engineCoreOutput: replace(VERSION.tables.engineCoreOutput, ANY_REASON) },
      (message) => ({
        ...message,
        outputs: message.outputs.map((output) => ({
          ...output,
          // The codec that writes it takes any value.
          finishReason: (output.finishReason === null
            ? null
            : FINISH_REASON_STRINGS[output.finishReason]) as never,
        })),
      }),
    ),
  ],
  [
    'a result that is not wrapped',
    'outputs.readable',
    written({ utilityOutput: replace(VERSION.tables.utilityOutput, ANY_RESULT) }),
  ],
];

function halves(lists: LogprobsLists): LogprobsLists {
  const { shape } = lists.logprobs;
  const count = shape.reduce((product, length) => product * length, 1);
  const data = new Uint8Array(new Float32Array(count).fill(0.5).buffer);
  return { ...lists, logprobs: { dtype: '<f4', shape, data } };
}

/** Of the ends only that at the last token is not said. */
function endOf(reason: FinishReason | null): FinishReason | null {
  return reason === FinishReason.LENGTH ? null : reason;
}

/** Says nothing more once a request with a priority has come. */
function mute(): Mutation {
  let isMute = false;
  const taken = inputs((input) => {
    if (input.type === 'ADD' && input.request.priority !== 0) isMute = true;
    return input;
  });
  return { ...taken, ...on('output', ({ frames }) => (isMute ? [] : [frames])) };
}

/** Whatever one output socket says goes to the other too. */
function toBoth(): Mutation {
  const sockets = new Map<number, (frames: readonly Frame[]) => void>();
  return {
    send({ socket, index, frames, sendAlso }) {
      if (socket !== 'output') return [frames];
      sockets.set(index, sendAlso);
      for (const [other, send] of sockets) if (other !== index) send(frames);
      return [frames];
    },
  };
}

/** Requests that come while one runs have its limit. */
function withOneLimit(): Mutation {
  const limits = new Map<string, number | null>();
  const ended = outputs((message) => {
    for (const { requestId, finishReason } of message.outputs)
      if (finishReason !== null) limits.delete(requestId);
    return message;
  });
  const begun = inputs((input) => {
    if (input.type !== 'ADD' || input.request.samplingParams === null) return input;
    const { samplingParams, requestId } = input.request;
    // Longer ones are others': they run until they are ended.
    if ((samplingParams.maxTokens ?? 0) > 8) return input;
    const [maxTokens = samplingParams.maxTokens] = limits.values();
    limits.set(requestId, maxTokens);
    return {
      ...input,
      request: { ...input.request, samplingParams: { ...samplingParams, maxTokens } },
    };
  });
  return { ...ended, ...begun };
}

/** Loses ABORT of what has begun. */
function deafToRun(): Mutation {
  const begun = new Set<string>();
  const taken = inputs((input) => {
    if (input.type !== 'ABORT') return input;
    return { ...input, requestIds: input.requestIds.filter((id) => !begun.has(id)) };
  });
  const given = eachOutput((output) => {
    begun.add(output.requestId);
    return [output];
  });
  return { ...taken, ...given };
}

function asIfPausedBy(mode: string, other: string): JudgedEngines {
  return one(
    calls((call) =>
      call.method === 'pause_scheduler' && call.args[0] === mode
        ? { ...call, args: [other, ...call.args.slice(1)] }
        : call,
    ),
  );
}

/** A method that is answered and does nothing. */
function unheard(method: string): JudgedEngines {
  return one(
    calls((call) => (call.method === method ? { ...call, method: 'is_sleeping', args: [] } : call)),
  );
}
