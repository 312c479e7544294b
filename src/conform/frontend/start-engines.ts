/**
 * The start: every engine says HELLO and gets INIT; all but the last report; the last is late. What is seen on the way stays in
 * the run, for the checks.
 */
import type { Sample } from '../../shared/exposition.ts';
import { NothingWithin } from './compared.ts';
import type { Spoil } from './frontend-options.ts';
import { brief, type FrontendRun } from './frontend-run.ts';
import type { Answer } from './http-side.ts';
import type { ScriptedEngine } from './scripted-engine.ts';

type Init = ScriptedEngine['inits'][number];

/** How long the last engine lets the frontend wait. */
const LATE_MS = 400;
/**
 * After this share of a start a ready response with keys of another version is told again without them: a frontend that was
 * only slow, as Python's with several API servers, may break at the second one.
 */
const PATIENCE_SHARE = 1 / 3;
const ASK_AGAIN_MS = 50;
/** For the frontend to take in what spoils the start. */
const SPOILT_MS = 200;
/** How long nothing is served once the handshake is over. */
const REFUSED_MS = 2_500;
/** A key of no version of vLLM. */
const MORE_KEYS = ['conform_key_of_a_newer_version'];

export async function startEngines(run: FrontendRun): Promise<void> {
  const { inOrder } = run;
  const { spoil = null } = run.options;
  for (const engine of inOrder) engine.hello();
  const { waitMs = run.answerMs } = run.options;
  await run.waitFor(
    'INIT for a HELLO',
    () => inOrder.find(({ inits }) => inits.length > 0),
    waitMs,
  );
  run.beginStart();
  const inits = await Promise.all(inOrder.map((engine) => initFor(run, engine)));
  for (const [index, engine] of inOrder.entries()) connect(engine, inits[index]);
  if (spoil !== null) return await spoilStart(run, spoil);
  const first = inOrder[0];
  const last = inOrder.at(-1);
  for (const engine of inOrder) {
    if (engine === last) continue;
    // Only a run that sees whether completions are answered can say what more keys did.
    engine.report(run.hasHttp && engine === first ? MORE_KEYS : []);
    engine.sayReady();
  }
  await watchHealth(run);
  const isAlone = first === last;
  last?.report(isAlone && run.hasHttp ? MORE_KEYS : []);
  last?.sayReady();
  if (run.hasHttp) await waitUntilServing(run, first);
}

function initFor(run: FrontendRun, engine: ScriptedEngine): Promise<Init> {
  return run.waitFor(`INIT for the HELLO of engine ${engine.rank}`, () => engine.inits[0]);
}

/** Throws where INIT names nothing to connect to. */
function connect(engine: ScriptedEngine, init: Init | undefined): void {
  if (init === undefined || init.value === null)
    throw new NothingWithin(`INIT names no addresses: ${init?.problem}`);
  engine.connect(init.value);
}

/** Goes on as if nothing was, and sees whether the frontend does. */
async function spoilStart(run: FrontendRun, spoil: Spoil): Promise<void> {
  const [first] = run.inOrder;
  const answersBefore = first?.inits.length ?? 0;
  run.seen.numInitsBeforeSpoil = run.engines.map(({ inits }) => inits.length);
  if (spoil === 'hello-twice') first?.hello();
  if (spoil === 'garbage') first?.sendHandshake([Buffer.from('no msgpack')]);
  if (spoil === 'unknown-rank') run.stranger.hello();
  if (spoil === 'wrong-place') first?.sayReady({ local: true });
  await run.quiet(SPOILT_MS);
  for (const engine of run.inOrder) {
    engine.report();
    engine.sayReady();
  }
  const hasServed = run.hasHttp && (await servesAllTheSame(run, first));
  const numAnswers = (first?.inits.length ?? 0) - answersBefore + run.stranger.inits.length;
  run.seen.spoilt = { hasServed, numAnswers };
}

/** Until it does, or has had as long as a start may take; less where it has closed its handshake socket. */
async function servesAllTheSame(run: FrontendRun, first?: ScriptedEngine): Promise<boolean> {
  const { clock } = run.options;
  let closedMs: number | null = null;
  while (run.hasTime) {
    if ((await whyNotServed(run)) === null) return true;
    if (closedMs === null && first?.isHandshakeConnected === false) closedMs = clock.monotonicMs();
    if (closedMs !== null && clock.monotonicMs() - closedMs > REFUSED_MS) return false;
    await run.quiet(ASK_AGAIN_MS);
  }
  return false;
}

async function watchHealth(run: FrontendRun): Promise<void> {
  const end = run.options.clock.monotonicMs() + LATE_MS;
  const statuses: number[] = [];
  while (run.hasHttp && run.options.clock.monotonicMs() < end) {
    statuses.push((await run.http.get('/health', run.budget(LATE_MS))).status);
    await run.quiet(ASK_AGAIN_MS);
  }
  run.seen.statusesWhileStarting = statuses;
}

async function waitUntilServing(
  run: FrontendRun,
  first: ScriptedEngine | undefined,
): Promise<void> {
  const begin = run.options.clock.monotonicMs();
  let isToldAgain = false;
  while (run.hasTime) {
    if (!isToldAgain && run.options.clock.monotonicMs() - begin > PATIENCE_SHARE * run.startMs) {
      first?.report();
      isToldAgain = true;
    }
    const samples = await samplesOfHealthy(run);
    run.seen.whyNotServed = await whyNotServed(run);
    if (run.seen.whyNotServed === null) {
      run.seen.samplesAtStart = samples;
      run.seen.isServing = true;
      run.seen.hasTakenMoreKeys = !isToldAgain;
      return;
    }
    await run.quiet(ASK_AGAIN_MS);
  }
}

/** Null where it does not say that it is ready, or said so too soon, or shows nothing of vLLM yet. */
async function samplesOfHealthy(run: FrontendRun): Promise<readonly Sample[] | null> {
  if (!run.hasMetrics || !run.hasTime || run.seen.statusesWhileStarting.includes(200)) return null;
  const { status } = await run.http.get('/health', run.budget());
  return status === 200 && run.hasTime ? await run.needMetrics().peek(run.budget()) : null;
}

/** Null where a completion was answered, else what came instead; also where the time for the start is over. */
async function whyNotServed(run: FrontendRun): Promise<string | null> {
  try {
    const { status, text } = await completes(run);
    if (status === 200) return null;
    return brief(status === 0 ? text : `${status} ${text}`);
  } catch (error) {
    // What came before the time was over says more than that it is.
    if (error instanceof NothingWithin) return run.seen.whyNotServed ?? error.message;
    throw error;
  }
}

async function completes(run: FrontendRun): Promise<Answer> {
  const { http } = run;
  if (http.model === '') {
    const models = await http.get('/v1/models', run.budget());
    if (models.status !== 200) return models;
    http.model = modelOf(models.text) ?? '';
  }
  return await run.complete({ max_tokens: 1 });
}

function modelOf(text: string): string | null {
  return /"id"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? null;
}
