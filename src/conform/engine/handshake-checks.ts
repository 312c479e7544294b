/** HELLO, INIT and READY. */

import { failed, judged, notApplicable, type Outcome, passed } from '../run-checks.ts';
import { type EngineCheck, type EngineRun, engineCheck } from './engine-check.ts';
import { type HeardFrom, hexOfFrame } from './heard.ts';
import { type MessageFields, readFields } from './message-fields.ts';

const HANDSHAKE = 'vllm/v1/engine/core.py EngineCoreProc.startup_handshake';
const READY = 'vllm/v1/engine/core.py EngineCoreProc._perform_handshake';
const NO_READY = 'no READY came, which ready.said tells';
const WAIT = 'vllm/v1/engine/utils.py wait_for_engine_startup';

export const HANDSHAKE_CHECKS: readonly EngineCheck[] = [
  engineCheck(
    'hello.identity',
    "An engine's sockets have its index as identity: two bytes, little endian.",
    'vllm/v1/engine/core.py EngineCoreProc.__init__',
    (run) => {
      const said = saying(run, 'HELLO');
      if (said.length === 0) return failed('no HELLO came');
      const problems = said
        .filter(({ identity }) => identity.length !== 2)
        .map(({ identity }) => `an identity of ${identity.length} bytes: ${hexOfFrame(identity)}`);
      return judged(
        [...problems, ...(problems.length === 0 ? strangersAtInputs(run) : [])],
        `identities ${said.map(({ identity }) => hexOfFrame(identity)).join(', ')}`,
      );
    },
  ),
  engineCheck(
    'hello.ranks',
    'Each rank below data_parallel_size says HELLO, and no other: a frontend ends its start at a rank that it does not expect.',
    WAIT,
    ranksOutcome,
  ),
  engineCheck(
    'hello.fields',
    'HELLO is one part, a map of status, local and headless; both are booleans.',
    HANDSHAKE,
    (run) => fieldsOutcome(run, 'HELLO'),
  ),
  engineCheck(
    'hello.place',
    'An engine that was started with --headless says local false and headless true.',
    WAIT,
    (run) => placeOutcome(run, 'HELLO'),
  ),
  engineCheck('hello.once', 'An engine says HELLO once.', WAIT, (run) => onceOutcome(run, 'HELLO')),
  engineCheck(
    'init.inputs',
    'At INIT an engine connects to the input socket of every frontend, and its first word on each is its ready response.',
    'vllm/v1/engine/core.py EngineCoreProc.process_input_sockets',
    inputsOutcome,
  ),
  engineCheck('ready.said', 'READY follows once the engine is ready.', READY, (run) => {
    const { frontend } = run;
    const ready = firstOf(saying(run, 'READY'));
    const { awaited } = frontend;
    const silent = awaited.filter((identity) => !ready.has(hexOfFrame(identity)));
    if (awaited.length === 0) return failed('no engine was sent INIT: no HELLO came');
    return judged(
      silent.map((identity) => `no READY of engine ${hexOfFrame(identity)} came`),
      `READY of ${awaited.length} engines`,
    );
  }),
  engineCheck('ready.order', 'READY comes once, and behind INIT.', WAIT, orderOutcome),
  engineCheck(
    'ready.fields',
    'READY is one part, a map of status, local and headless; with a configuration hash where ranks are coordinated.',
    READY,
    (run) => fieldsOutcome(run, 'READY'),
  ),
  engineCheck('ready.place', 'READY says local and headless as HELLO did.', WAIT, (run) =>
    placeOutcome(run, 'READY'),
  ),
  engineCheck(
    'ready.hash',
    'READY has parallel_config_hash, the same for all ranks, where they serve one mixture-of-experts model; else it has none.',
    `${READY}, ${WAIT}`,
    hashOutcome,
  ),
];

/** Input sockets that are called otherwise than at the handshake; of a wrong rank there hello.ranks tells. */
function strangersAtInputs({ frontend, size }: EngineRun): readonly string[] {
  const ofRanks = frontend.inits.every(
    ({ identity }) => Buffer.from(identity).readUInt16LE() < size,
  );
  if (!ofRanks) return [];
  return frontend.greetings
    .filter(({ identity }) => !frontend.hasSaidHello(identity))
    .map(({ identity }) => `an input socket ${hexOfFrame(identity)}, which has not said HELLO`);
}

function saying({ frontend }: EngineRun, status: 'HELLO' | 'READY'): readonly HeardFrom[] {
  return frontend.handshakes.filter((heard) => heard.status === status);
}

/** What each engine said first, by its identity's hex. */
function firstOf<T extends { readonly identity: Uint8Array }>(
  said: readonly T[],
): ReadonlyMap<string, T> {
  return new Map(said.toReversed().map((heard) => [hexOfFrame(heard.identity), heard]));
}

function nothingSaid(status: 'HELLO' | 'READY'): Outcome {
  return status === 'HELLO' ? failed('no HELLO came') : notApplicable(NO_READY);
}

function fieldsOf(run: EngineRun, { frames }: HeardFrom): MessageFields {
  return readFields(run.structs.handshakeMessage.table as never, frames);
}

function ranksOutcome(run: EngineRun): Outcome {
  const said = [...firstOf(saying(run, 'HELLO')).values()];
  const ofRanks = said.filter(({ identity }) => identity.length === 2);
  const ranks = new Set(ofRanks.map(({ identity }) => Buffer.from(identity).readUInt16LE()));
  const numOthers = said.length - ofRanks.length;
  if (numOthers > 0 && said.length === run.size)
    return notApplicable('identities that are none of a rank, which hello.identity tells');
  const expected = Array.from({ length: run.size }, (_, rank) => rank);
  const missing = expected.filter((rank) => !ranks.has(rank));
  const others = [...ranks].filter((rank) => rank >= run.size);
  return judged(
    [
      ...missing.map((rank) => `no HELLO of rank ${rank}`),
      ...others.map((rank) => `HELLO of rank ${rank}, data_parallel_size is ${run.size}`),
    ],
    `ranks ${[...ranks].join(', ')}`,
  );
}

function fieldsOutcome(run: EngineRun, status: 'HELLO' | 'READY'): Outcome {
  const said = saying(run, status);
  if (said.length === 0) return nothingSaid(status);
  // What may be left out is said by READY of coordinated ranks, or of elastic ones.
  const { fields: known } = run.structs.handshakeMessage.table;
  const rare = new Set(known.filter(({ required }) => !required).map(({ wire }) => wire));
  const problems = said.flatMap((heard) => {
    const fields = fieldsOf(run, heard);
    if (fields.problem !== null) return [fields.problem];
    const word = fields.values.get('status');
    const ofReady = [...fields.values.keys()].filter((name) => rare.has(name));
    return [
      ...fields.missing.filter((name) => !rare.has(name)).map((name) => `no ${name}`),
      ...(status === 'HELLO' ? ofReady.map((name) => `a key of READY: ${name}`) : []),
      ...fields.unknown.map((name) => `a further key ${name}`),
      ...fields.mistyped,
      ...(typeof word === 'string' && word !== status
        ? [`status '${word}' instead of ${status}`]
        : []),
    ];
  });
  return judged(problems, `${said.length} × status, local, headless`);
}

function placeOutcome(run: EngineRun, status: 'HELLO' | 'READY'): Outcome {
  const said = saying(run, status);
  if (said.length === 0) return nothingSaid(status);
  const hellos = firstOf(saying(run, 'HELLO'));
  const problems = said.flatMap((heard) => {
    const { values } = fieldsOf(run, heard);
    const hello = hellos.get(hexOfFrame(heard.identity));
    const first = hello === undefined ? values : fieldsOf(run, hello).values;
    const place = { local: values.get('local'), headless: values.get('headless') };
    // A READY that is right is no second fault of a HELLO that is wrong; of what is no boolean the fields' check tells.
    const isRight = (name: 'local' | 'headless', right: boolean): boolean =>
      typeof place[name] !== 'boolean' ||
      [right, ...(status === 'READY' ? [first.get(name)] : [])].includes(place[name]);
    return isRight('local', false) && isRight('headless', true)
      ? []
      : [`engine ${hexOfFrame(heard.identity)}: ${JSON.stringify(place)}`];
  });
  return judged(problems, `local and headless of ${said.length} engines`);
}

function onceOutcome(run: EngineRun, status: 'HELLO' | 'READY'): Outcome {
  const said = saying(run, status);
  if (said.length === 0) return nothingSaid(status);
  const counts = new Map<string, number>();
  for (const { identity } of said)
    counts.set(hexOfFrame(identity), (counts.get(hexOfFrame(identity)) ?? 0) + 1);
  return judged(
    [...counts].filter(([, n]) => n > 1).map(([id, n]) => `${status} of engine ${id} ${n} times`),
    `${status} of ${counts.size} engines`,
  );
}

function inputsOutcome({ frontend }: EngineRun): Outcome {
  const { awaited, greetings, numClients } = frontend;
  if (awaited.length === 0) return failed('no engine was sent INIT: no HELLO came');
  const problems: string[] = [];
  for (let client = 0; client < numClients; client++) {
    const heard = new Set(
      greetings.filter((one) => one.client === client).map(({ identity }) => hexOfFrame(identity)),
    );
    if (heard.size < awaited.length)
      problems.push(`${heard.size} of ${awaited.length} engines greeted input socket ${client}`);
  }
  return judged(problems, `${awaited.length} engines at ${numClients} input sockets`);
}

function orderOutcome(run: EngineRun): Outcome {
  const said = saying(run, 'READY');
  if (said.length === 0) return notApplicable(NO_READY);
  const inits = firstOf(run.frontend.inits);
  const problems = said.flatMap(({ identity, n }) => {
    const init = inits.get(hexOfFrame(identity));
    return init !== undefined && init.n < n
      ? []
      : [`engine ${hexOfFrame(identity)} said READY before it was sent INIT`];
  });
  const once = onceOutcome(run, 'READY');
  return judged(
    [...problems, ...(once.verdict === 'failed' ? [once.got] : [])],
    'HELLO, INIT, READY',
  );
}

function hashOutcome(run: EngineRun): Outcome {
  const said = saying(run, 'READY');
  if (said.length === 0) return notApplicable(NO_READY);
  const hashes = said.map((heard) => fieldsOf(run, heard).values.get('parallel_config_hash'));
  if (!run.isMoe || run.size === 1)
    return judged(
      hashes.filter((hash) => hash !== undefined).map((hash) => `parallel_config_hash ${hash}`),
      'none',
    );
  if (hashes.includes(undefined)) return failed('READY without parallel_config_hash');
  const different = [...new Set(hashes)];
  return different.length === 1
    ? passed(`${different[0]} of all ${said.length} ranks`)
    : failed(`ranks differ: ${hashes.join(', ')}`);
}
