/** EngineCoreReadyResponse: an engine's first word on each input socket, field by field. */
import { WIRE_VERSIONS } from '../../shared/protocol/versions/wire-versions.ts';
import { failed, judged, notApplicable, type Outcome, passed } from '../run-checks.ts';
import { type EngineCheck, type EngineRun, engineCheck } from './engine-check.ts';
import { type Greeting, hexOfFrame } from './heard.ts';
import { type MessageFields, readFields } from './message-fields.ts';
import { FIELD_RULES, type FieldRule } from './ready-response-rules.ts';

const SOURCE = 'vllm/v1/engine/core.py EngineCoreProc._make_ready_response';
const SOCKETS = 'vllm/v1/engine/core.py EngineCoreProc.process_input_sockets';

/** Every field that some version has, in the newest one's order. */
const ALL_FIELDS: readonly string[] = [
  ...new Set(
    Object.values(WIRE_VERSIONS)
      .toReversed()
      .flatMap(({ tables }) => tables.engineCoreReadyResponse.fields.map(({ wire }) => wire)),
  ),
];

export const READY_RESPONSE_CHECKS: readonly EngineCheck[] = [
  engineCheck(
    'ready-response.message',
    'The ready response is one part, a map with the names of its fields.',
    SOCKETS,
    (run) => overGreetings(run, ({ problem }) => (problem === null ? [] : [problem])),
  ),
  engineCheck(
    'ready-response.once',
    'An engine says it once on each input socket: a frontend takes whatever follows for nothing.',
    SOCKETS,
    onceOutcome,
  ),
  engineCheck('ready-response.same', 'All frontends get the same bytes.', SOCKETS, sameOutcome),
  ...ALL_FIELDS.map((name) => {
    const rule = FIELD_RULES[name];
    const meaning = rule === undefined ? '' : `: ${rule.doc}`;
    return engineCheck(`ready-response.${name}`, `${name} is there${meaning}.`, SOURCE, (run) =>
      fieldOutcome(run, name, rule),
    );
  }),
  engineCheck(
    'ready-response.extra',
    'It has no key that vLLM does not know.',
    'vllm/v1/engine/__init__.py EngineCoreReadyResponse',
    (run) => overGreetings(run, ({ unknown }) => unknown.map((name) => `a further key ${name}`)),
  ),
];

/** The first greeting of each engine on each socket. */
function firstGreetings({ frontend }: EngineRun): readonly Greeting[] {
  const seen = new Set<string>();
  return frontend.greetings.filter(({ client, identity }) => {
    const key = `${client} ${hexOfFrame(identity)}`;
    return !seen.has(key) && seen.add(key) !== undefined;
  });
}

export function readyFieldsOf({ structs }: EngineRun, { frames }: Greeting): MessageFields {
  return readFields(structs.engineCoreReadyResponse.table as never, frames);
}

/** A number of the first ready response that came; null where it says none. */
export function readyNumber(run: EngineRun, name: string): number | null {
  const [greeting] = run.frontend.greetings;
  const said = greeting === undefined ? null : readyFieldsOf(run, greeting).values.get(name);
  return typeof said === 'number' ? said : null;
}

function overGreetings(
  run: EngineRun,
  problemsOf: (fields: MessageFields, greeting: Greeting) => readonly string[],
): Outcome {
  const greetings = firstGreetings(run);
  if (greetings.length === 0) return failed('no ready response came');
  const problems = greetings.flatMap((greeting) =>
    problemsOf(readyFieldsOf(run, greeting), greeting),
  );
  return judged([...new Set(problems)], `${greetings.length} ready responses`);
}

function onceOutcome(run: EngineRun): Outcome {
  const { greetings } = run.frontend;
  if (greetings.length === 0) return failed('no ready response came');
  const first = firstGreetings(run).length;
  return first === greetings.length
    ? passed(`${first} engines and sockets`)
    : failed(`${greetings.length - first} further messages on input sockets`);
}

function sameOutcome(run: EngineRun): Outcome {
  const greetings = firstGreetings(run);
  if (greetings.length === 0) return failed('no ready response came');
  const problems = run.frontend.engines.flatMap(({ identity }) => {
    const said = greetings
      .filter((one) => hexOfFrame(one.identity) === hexOfFrame(identity))
      .map(({ frames }) => frames.map((part) => Buffer.from(part).toString('hex')).join());
    return new Set(said).size > 1
      ? [`engine ${hexOfFrame(identity)} says them different things`]
      : [];
  });
  return judged(problems, `${greetings.length} ready responses`);
}

function fieldOutcome(run: EngineRun, name: string, rule: FieldRule | undefined): Outcome {
  const { table } = run.structs.engineCoreReadyResponse;
  if (!table.fields.some(({ wire }) => wire === name))
    return notApplicable(`vLLM ${run.version.vllmVersion} has no such field`);
  const greetings = firstGreetings(run);
  if (greetings.length === 0) return failed('no ready response came');
  const problems: string[] = [];
  const shown = new Set<string>();
  for (const greeting of greetings) {
    const { values, mistyped, problem: unreadable } = readyFieldsOf(run, greeting);
    if (unreadable !== null)
      return notApplicable(`it cannot be read, which ready-response.message tells: ${unreadable}`);
    const wrongType = mistyped.find((text) => text.startsWith(`${name}: `));
    if (!values.has(name)) problems.push(`no ${name}`);
    else if (wrongType !== undefined) problems.push(wrongType);
    else {
      const value = values.get(name);
      shown.add(JSON.stringify(value));
      const problem = rule?.problem(value, { run, values, identity: greeting.identity }) ?? null;
      if (problem !== null) problems.push(`${JSON.stringify(value)}: ${problem}`);
    }
  }
  return judged([...new Set(problems)], [...shown].join(', '));
}
