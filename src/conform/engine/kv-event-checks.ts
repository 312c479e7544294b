/** KV cache events: what is published, and the same again on request. */
import { randomBytes } from 'node:crypto';
import { reasonOf } from '../../shared/errors.ts';
import type { KVEventMessage } from '../../shared/protocol/kv-events.ts';
import type { Timer } from '../../shared/timers.ts';
import type { Frame } from '../../shared/transport/transport.ts';
import { failed, judged, notApplicable, type Outcome, passed, secondsText } from '../run-checks.ts';
import type { EngineCheck, EngineRun } from './engine-check.ts';
import { checkOfEngine, generate } from './exchange.ts';
import type { HeardEngine } from './heard.ts';
import { readyFieldsOf, readyNumber } from './ready-response-checks.ts';
import { Waiters } from './waiters.ts';

const PUBLISHER = 'vllm/distributed/kv_events.py ZmqEventPublisher';
/** What is published before a subscription has arrived is missed: it is tried again that often. */
const SUBSCRIBE_MS = 200;
const NUM_BLOCKS = 3;
const UNPUBLISHED = 'nothing is published that can be read, which kv-events.stored tells';
const OFF = 'the engine publishes none: it was started without --kv-events-config';

export const KV_EVENT_CHECKS: readonly EngineCheck[] = [
  checkOfEngine(
    'kv-events.stored',
    'Blocks that a prompt fills are published as BlockStored: their hashes, tokens and block_size, with the rank.',
    `${PUBLISHER}, vllm/v1/core/block_pool.py BlockPool.cache_full_blocks`,
    storedOutcome,
  ),
  checkOfEngine(
    'kv-events.sequence',
    'Each message is the topic, 8 bytes of sequence number, big endian, one above the last, and the batch.',
    PUBLISHER,
    sequenceOutcome,
  ),
  checkOfEngine(
    'kv-events.replay',
    'Who asks the replay socket for a sequence number gets that batch and all behind it, then the end mark.',
    `${PUBLISHER}._service_replay`,
    replayOutcome,
  ),
];

interface Published {
  readonly frames: readonly Frame[];
  readonly message: KVEventMessage | null;
  readonly problem: string | null;
}

interface EventsConfig {
  readonly endpoint: string;
  readonly replayEndpoint: string | null;
  readonly topic: string;
}

/** What the engine says of its publisher; a sentence where there is nothing to subscribe to. */
function configOf(run: EngineRun, { identity }: HeardEngine): EventsConfig | string {
  const greeting = run.frontend.greetings.find((one) =>
    Buffer.from(one.identity).equals(Buffer.from(identity)),
  );
  const said = greeting && readyFieldsOf(run, greeting).values.get('kv_events_config');
  if (typeof said !== 'object' || said === null) return OFF;
  const config = said as Readonly<Record<string, unknown>>;
  if (config['enable_kv_cache_events'] !== true || config['publisher'] !== 'zmq') return OFF;
  const endpoint = String(config['endpoint']);
  if (!/\*|::|^ipc:|^inproc:|127\.0\.0\.1|localhost/.test(endpoint))
    return `the engine connects to a subscriber at ${endpoint}, where somebody else listens`;
  const replay = config['replay_endpoint'];
  return {
    endpoint: reachable(run, endpoint),
    replayEndpoint: typeof replay === 'string' ? reachable(run, replay) : null,
    topic: String(config['topic'] ?? ''),
  };
}

/** Engines are where they were told to look for us, or on this machine. */
function reachable({ frontend }: EngineRun, endpoint: string): string {
  const host = frontend.address.replace(/^tcp:\/\//, '').replace(/:\d+$/, '');
  return endpoint.replace('*', host).replace('0.0.0.0', host).replace('[::]', host);
}

/** Fills blocks with a prompt that nobody has sent before, and hears what is published of it. */
async function publish(
  run: EngineRun,
  engine: HeardEngine,
  config: EventsConfig,
  numRequests: number,
): Promise<{ readonly published: readonly Published[]; readonly prompts: readonly number[][] }> {
  const published: Published[] = [];
  const waiters = new Waiters(run.timers);
  const socket = run.transport.connectXSub(config.endpoint, {
    name: 'kv_events',
    lingerMs: 0,
    identity: null,
  });
  socket.onMessage((frames) => {
    published.push({ frames, ...read(run, frames) });
    waiters.look();
  });
  try {
    socket.send([Buffer.concat([Buffer.of(1), Buffer.from(config.topic)])]);
    const ask = async (): Promise<number[]> => {
      const prompt = freshPrompt(NUM_BLOCKS * blockSizeOf(run) + 1);
      await generate(run, engine, { maxTokens: 1 }, { promptTokenIds: prompt });
      return prompt;
    };
    const endMs = run.clock.monotonicMs() + run.answerMs;
    do {
      await ask();
    } while (
      !(await waiters.wait(() => published.length > 0, SUBSCRIBE_MS)) &&
      run.clock.monotonicMs() < endMs
    );
    const prompts: number[][] = [];
    for (let i = 0; i < numRequests; i++) prompts.push(await ask());
    const isThere = (prompt: readonly number[]): boolean =>
      published.some(({ message }) => storedTokens(message).some((ids) => isIn(prompt, ids)));
    const left = Math.max(0, endMs - run.clock.monotonicMs());
    await waiters.wait(() => prompts.every(isThere), left);
    return { published, prompts };
  } finally {
    await socket.close(0);
  }
}

function read({ codec }: EngineRun, frames: readonly Frame[]): Omit<Published, 'frames'> {
  try {
    return { message: codec.decodeKVEventMessage(frames), problem: null };
  } catch (error) {
    return { message: null, problem: reasonOf(error) };
  }
}

function blockSizeOf(run: EngineRun): number {
  const said = readyNumber(run, 'block_size') ?? 0;
  return said > 0 && said <= 1_024 ? said : 16;
}

/** Ids that every vocabulary has, in an order of this call alone. */
function freshPrompt(length: number): number[] {
  return [...randomBytes(length)].map((byte) => 5 + (byte % 64));
}

function storedTokens(message: KVEventMessage | null): readonly (readonly number[])[] {
  const events = message?.batch.events ?? [];
  return events.flatMap((event) => (event.type === 'BlockStored' ? [event.tokenIds] : []));
}

/** Whether the tokens are some of a prompt's. */
function isIn(prompt: readonly number[], tokenIds: readonly number[]): boolean {
  return tokenIds.length > 0 && prompt.join().includes(tokenIds.join());
}

async function storedOutcome(run: EngineRun, engine: HeardEngine): Promise<Outcome> {
  const config = configOf(run, engine);
  if (typeof config === 'string') return notApplicable(config);
  const { published, prompts } = await publish(run, engine, config, 1);
  if (published.length === 0)
    return failed(`nothing within ${secondsText(run.answerMs)} at ${config.endpoint}`);
  const problems = published.flatMap(({ problem }) => (problem === null ? [] : [problem]));
  const batches = published.flatMap(({ message }) => (message === null ? [] : [message.batch]));
  const stored = batches
    .flatMap(({ events }) => events)
    .flatMap((event) => (event.type === 'BlockStored' ? [event] : []));
  const [prompt = []] = prompts;
  const ofPrompt = stored.filter(({ tokenIds }) => isIn(prompt, tokenIds));
  if (ofPrompt.length === 0) problems.push(`no BlockStored with the prompt's tokens`);
  for (const { blockHashes, blockSize, tokenIds } of ofPrompt)
    if (blockHashes.length === 0 || blockSize <= 0 || tokenIds.length % blockSize !== 0)
      problems.push(
        `${blockHashes.length} hashes and ${tokenIds.length} tokens, block_size ${blockSize}`,
      );
  const ranks = [...new Set(batches.map(({ dataParallelRank }) => dataParallelRank))];
  for (const rank of ranks)
    if (engine.rank !== null && rank !== engine.rank)
      problems.push(`data_parallel_rank ${rank} of engine ${engine.rank}`);
  return judged([...new Set(problems)], `${ofPrompt.length} BlockStored of a prompt`);
}

async function sequenceOutcome(run: EngineRun, engine: HeardEngine): Promise<Outcome> {
  const config = configOf(run, engine);
  if (typeof config === 'string') return notApplicable(config);
  const { published } = await publish(run, engine, config, 3);
  if (published.length === 0) return notApplicable(UNPUBLISHED);
  if (published.length < 2) return failed(`${published.length} messages of three requests`);
  const numbers = published.map(({ frames }) =>
    frames[1]?.length === 8 ? Buffer.from(frames[1]).readBigUInt64BE() : null,
  );
  const problems: string[] = [];
  for (const { frames } of published) {
    const topic = Buffer.from(frames[0] ?? []).toString();
    if (frames.length !== 3) problems.push(`${frames.length} parts`);
    else if (topic !== config.topic) problems.push(`topic '${topic}' instead of '${config.topic}'`);
  }
  for (const [i, number] of numbers.entries()) {
    const last = numbers[i - 1];
    if (number === null) problems.push('a sequence number that is not 8 bytes');
    else if (last !== undefined && last !== null && number !== last + 1n)
      problems.push(`${number} behind ${last}`);
  }
  return judged([...new Set(problems)], numbers.join(', '));
}

async function replayOutcome(run: EngineRun, engine: HeardEngine): Promise<Outcome> {
  const config = configOf(run, engine);
  if (typeof config === 'string') return notApplicable(config);
  if (config.replayEndpoint === null) return notApplicable('the engine has no replay_endpoint');
  const { published } = await publish(run, engine, config, 2);
  const numbers = published.flatMap(({ message }) => (message === null ? [] : [message.seq]));
  const from = numbers[0];
  if (from === undefined) return notApplicable(UNPUBLISHED);
  const socket = run.transport.connectDealer(config.replayEndpoint, {
    name: 'kv_events_replay',
    lingerMs: 0,
    identity: Buffer.from('conform'),
  });
  const replayed: number[] = [];
  let timer: Timer | undefined;
  try {
    const problem = await new Promise<string | null>((resolve) => {
      timer = run.timers.after(run.answerMs, () =>
        resolve(`nothing within ${secondsText(run.answerMs)}`),
      );
      socket.onMessage((frames) => {
        try {
          const reply = run.codec.decodeKVEventReplayReply(frames);
          if (reply.type === 'end') resolve(null);
          else replayed.push(reply.message.seq);
        } catch (error) {
          resolve(reasonOf(error));
        }
      });
      socket.send(run.codec.encodeKVEventReplayRequest(from));
    });
    if (problem !== null) return failed(`${problem}, behind ${replayed.length} batches`);
  } finally {
    timer?.cancel();
    await socket.close(0);
  }
  const missing = numbers.filter((number) => !replayed.includes(number));
  const isInOrder = replayed.every((number, i) => number === from + i);
  return missing.length === 0 && isInOrder
    ? passed(`${replayed.length} batches from ${from} on, and the end mark`)
    : failed(`asked for ${numbers.join(', ')}, got ${replayed.join(', ') || 'none'}`);
}
