import { describe, expect, it } from 'vitest';
import { importsOf, sourceFiles } from '../support/source-files.ts';

/**
 * The rooms under src, a folder or a single file each; the longest name that fits a file is its room. A room imports
 * itself and what is listed: `capacity` is the whole folder with the rooms in it, `shared/*` only the files beside its
 * rooms. Type imports count.
 */
const ROOMS: Readonly<Record<string, { readonly may: readonly string[]; readonly why: string }>> = {
  shared: {
    may: [],
    why: 'shared is what both sides of the wire know: it imports nothing from above.',
  },
  'shared/python': { may: ['shared/*'], why: 'how Python writes things depends on no room.' },
  'shared/protocol': {
    may: ['shared/*', 'shared/python'],
    why: 'the words of the wire need no socket and no setting.',
  },
  'shared/transport': {
    may: ['shared/*'],
    why: 'a transport moves frames and knows none of them.',
  },
  'shared/structured-output': {
    may: ['shared/*'],
    why: 'a constraint is read, and a text made of it, without knowing who asks.',
  },
  'shared/tokenizer': {
    may: ['shared/*', 'shared/python'],
    why: 'text and token ids, nothing of requests.',
  },
  'shared/tap': {
    may: ['shared/*', 'shared/python', 'shared/protocol', 'shared/transport'],
    why: 'whoever looks at frames knows the wire, no process.',
  },
  'shared/tap/proxy': {
    may: ['shared/*', 'shared/tap', 'shared/protocol', 'shared/transport'],
    why: 'it hands frames on, and shows them to a tap that knows nothing of it.',
  },
  'shared/twin-api': {
    may: ['shared/*', 'shared/tap'],
    why: 'what is shown to a page: types of both sides, no code of either.',
  },
  'shared/faults': {
    may: ['shared/*', 'shared/protocol', 'shared/metric-catalogue'],
    why: 'what faults are, for both sides; what they do is on its side.',
  },
  'shared/config': {
    may: ['shared/*', 'shared/python', 'shared/protocol', 'shared/faults'],
    why: 'settings are read by every room and read none.',
  },

  'code-cache': { may: [], why: 'it runs a program before any of it is loaded.' },

  scenario: {
    may: ['shared'],
    why: 'a scenario is played on whatever is handed in, a server or a simulation.',
  },

  'capacity/spec': { may: ['shared'], why: 'specs are what families make and plans take.' },
  'capacity/models': {
    may: ['capacity/plan', 'capacity/spec', 'shared'],
    why: 'a model becomes the input of a plan; where it was read from is outside.',
  },
  'capacity/plan': {
    may: ['capacity/spec', 'shared'],
    why: 'a plan is made of specs, wherever they came from.',
  },
  'capacity/explain': {
    may: ['capacity/file', 'capacity/plan', 'capacity/models', 'capacity/spec', 'shared'],
    why: 'an explanation reads models and plans; file formats are outside.',
  },
  'capacity/file': {
    may: ['capacity/models', 'capacity/plan', 'capacity/spec', 'shared'],
    why: 'models and plans know nothing of files; only an explanation is written in a file format.',
  },

  'engine-core': {
    may: ['engine-core', 'capacity', 'shared'],
    why: 'engine cores and frontends meet on the wire only.',
  },
  'engine-core/kv-cache': {
    may: ['capacity/spec', 'capacity/plan', 'shared'],
    why: 'scheduler → kv-cache, never upward.',
  },
  'engine-core/structured-output': {
    may: ['shared'],
    why: 'what a request will say follows from its parameters; when it says it is for others.',
  },
  'engine-core/scheduler': {
    may: [
      'engine-core/kv-cache',
      'engine-core/structured-output',
      'capacity/spec',
      'capacity/plan',
      'shared',
    ],
    why: 'the engine core drives the scheduler, never the reverse.',
  },
  'engine-core/kv-transfer': {
    may: ['engine-core/scheduler', 'capacity/spec', 'shared'],
    why: 'a connector answers what the scheduler asks; it has no socket and no part in the KV cache.',
  },
  'engine-core/faults': {
    may: ['engine-core/scheduler', 'shared'],
    why: 'a fault is handed what it changes; it reaches for nothing.',
  },
  'engine-core/executor': {
    may: [
      'engine-core/scheduler',
      'engine-core/structured-output',
      'engine-core/faults',
      'capacity',
      'shared',
    ],
    why: 'the executor runs what the scheduler put out; it has no part in the KV cache.',
  },
  'engine-core/views': {
    may: [
      'engine-core/scheduler',
      'engine-core/kv-cache',
      'engine-core/faults',
      'engine-core/engine-core-parts.ts',
      'engine-core/pending-result.ts',
      'engine-core/step-clock.ts',
      'engine-core/utility-error.ts',
      'capacity',
      'shared',
    ],
    why: 'views read what the engine is made of; nothing of it knows that somebody looks.',
  },

  frontend: {
    may: ['frontend', 'capacity', 'scenario', 'shared'],
    why: 'engine cores and frontends meet on the wire only.',
  },
  'frontend/serve-settings.ts': {
    may: [
      'frontend/llm',
      'frontend/engine-client',
      'frontend/launch',
      'frontend/metrics',
      'frontend/vllm-config',
      'capacity',
      'shared',
    ],
    why: 'it says how processes are started, and starts none.',
  },
  'frontend/metrics': {
    may: ['shared'],
    why: 'metrics take messages of the wire and plain figures, never a route or a request format.',
  },
  'frontend/engine-client': { may: ['shared'], why: 'it carries requests, whoever made them.' },
  'frontend/dp-coordinator': { may: ['shared'], why: 'a process of its own.' },
  'frontend/dp-supervisor': {
    may: ['frontend/main.ts', 'frontend/launch', 'frontend/http/listen.ts', 'shared'],
    why: 'it starts whole servers and looks at them from outside.',
  },
  'frontend/vllm-config': {
    may: ['frontend/engine-client', 'frontend/launch', 'capacity', 'shared'],
    why: 'it shows settings, and changes none.',
  },
  'frontend/launch': {
    may: ['frontend/engine-client', 'shared'],
    why: 'starting processes needs no request.',
  },
  'frontend/pydantic': {
    may: ['frontend/llm/errors.ts', 'shared'],
    why: 'the validator knows rules and words of pydantic, no endpoint.',
  },
  'frontend/faults': {
    may: ['frontend/twin/twin-question.ts', 'frontend/llm/errors.ts', 'frontend/metrics', 'shared'],
    why: 'faults are handed what they change; what serves asks them, never the reverse.',
  },
  'frontend/scenarios': {
    may: ['frontend/faults', 'frontend/twin/twin-question.ts', 'scenario', 'shared'],
    why: 'it plays on the server from outside, and is asked by the hub.',
  },
  'frontend/scenario-server': {
    may: ['frontend/main.ts', 'shared'],
    why: 'a whole server that its runner starts and looks at from outside.',
  },
  'frontend/twin': {
    may: ['frontend/engine-client', 'frontend/faults', 'frontend/scenarios', 'shared'],
    why: 'it looks at engines, frames and start-up from beside; nothing that serves waits for it.',
  },
  'frontend/llm': {
    may: ['frontend/engine-client', 'frontend/metrics', 'shared'],
    why: 'http → openai → llm → engine-client, never upward.',
  },
  'frontend/openai': {
    may: ['frontend/llm', 'frontend/metrics', 'frontend/pydantic', 'shared'],
    why: "an endpoint knows requests and answers, not the server or the engines' sockets.",
  },
  'frontend/http': {
    may: [
      'frontend/faults',
      'frontend/openai',
      'frontend/llm',
      'frontend/engine-client',
      'frontend/metrics',
      'frontend/pydantic',
      'frontend/twin',
      'scenario/load.ts',
      'shared',
    ],
    why: 'routes are served by processes, which they know nothing of.',
  },
  'frontend/api-server': {
    may: [
      'frontend/faults',
      'frontend/serve-settings.ts',
      'frontend/http',
      'frontend/openai',
      'frontend/llm',
      'frontend/engine-client',
      'frontend/launch',
      'frontend/metrics',
      'frontend/twin',
      'capacity',
      'shared',
    ],
    why: 'a process builds its parts; it is not part of what starts it.',
  },

  page: {
    may: ['shared/tap', 'shared/twin-api'],
    why: 'it runs in a browser and knows what the API tells, as types.',
  },
  simulate: {
    may: ['simulate', 'engine-core', 'frontend', 'capacity', 'scenario', 'shared'],
    why: 'it has both sides in one process, each with its own sockets; neither knows of it.',
  },
  'simulate/scrape': {
    may: ['shared'],
    why: 'what Prometheus makes of a text knows not where the text is from.',
  },
  'shared/metric-catalogue': {
    may: ['shared/*'],
    why: 'which metrics each version of vLLM has is data; what is made of it is above.',
  },
  lint: {
    may: ['shared'],
    why: 'a query is judged by what vLLM exposes, whoever asks.',
  },
  conform: {
    may: ['shared'],
    why: "it judges somebody else's program over the wire; our own two sides are such.",
  },
  cli: {
    may: [
      'cli',
      'lint',
      'conform',
      'simulate',
      'frontend',
      'engine-core',
      'capacity',
      'scenario',
      'shared',
    ],
    why: 'the command line is outermost.',
  },
  testing: {
    may: ['frontend/metrics/definitions.ts', 'frontend/twin', 'scenario', 'simulate', 'shared'],
    why: 'a twin for a test is a process and asked over HTTP, or a simulation; the command line is neither.',
  },
  'index.ts': {
    may: ['capacity', 'lint', 'shared'],
    why: 'the library is what explain and lint compute.',
  },
};

/** Single files and folders with a narrower rule than their room's. */
const NEVER: readonly { from: string; to: RegExp; why: string }[] = [
  {
    from: 'capacity/models/towers',
    to: /^capacity\/models\/families\//,
    why: 'a tower stands beside any language model and knows none.',
  },
  {
    from: 'engine-core/executor',
    to: /^engine-core\/scheduler\/scheduler\.ts$/,
    why: "the executor knows the scheduler's output, not the scheduler.",
  },
  {
    from: 'engine-core/kv-cache/pool',
    to: /^engine-core\/kv-cache\/(managers\/|kv-cache-manager\.ts|.*coordinator)/,
    why: 'managers → block pool, never upward.',
  },
  {
    from: 'engine-core/kv-cache/hash',
    to: /^engine-core\/kv-cache\/(pool\/|managers\/|kv-cache-manager\.ts|.*coordinator)/,
    why: 'block pool → hashes, never upward.',
  },
  {
    from: 'engine-core/kv-cache/managers',
    to: /^engine-core\/kv-cache\/(kv-cache-manager\.ts|.*coordinator)/,
    why: 'coordinator → managers, never upward.',
  },
];

/** One door a package: where its imports may stand. A package that is not here may be imported nowhere in src. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  zeromq: ['shared/transport'],
  msgpackr: ['shared/protocol'],
  'prom-client': ['frontend/metrics'],
  fastify: ['frontend/http'],
  yargs: ['cli'],
  yaml: ['cli', 'lint', 'scenario'],
  '@prometheus-io/lezer-promql': ['lint/promql'],
  '@lezer/common': ['lint'],
  '@lezer/lr': ['lint/promql'],
  pino: ['shared/logger.ts'],
  'pino-pretty': ['shared/logger.ts'],
  '@huggingface/tokenizers': ['shared/tokenizer'],
  '@huggingface/jinja': ['frontend/openai'],
  tinypool: ['frontend/openai/workers'],
  preact: ['page'],
  uplot: ['page'],
  vitest: ['testing/vitest.ts'],
  // The edges where files, child processes' arguments and fault specifications come in.
  valibot: [
    'capacity/file',
    'cli',
    'engine-core/main.ts',
    'engine-core/kv-events-config.ts',
    'frontend/api-server',
    'frontend/dp-coordinator/main.ts',
    'shared/config',
    'shared/schema.ts',
  ],
};

const isIn = (path: string, room: string): boolean => path === room || path.startsWith(`${room}/`);

/** The longest of the rooms that a file under src is in. */
function roomOf(path: string): string | undefined {
  return Object.keys(ROOMS)
    .filter((room) => isIn(path, room))
    .sort((a, b) => b.length - a.length)[0];
}

/** Whether an entry of a room's list covers a file. */
function covers(allowed: string, path: string): boolean {
  return allowed.endsWith('/*') ? roomOf(path) === allowed.slice(0, -2) : isIn(path, allowed);
}

/** The other rooms that a room may import. */
function roomsBelow(room: string): readonly string[] {
  const may = ROOMS[room]?.may ?? [];
  return Object.keys(ROOMS).filter(
    (other) => other !== room && may.some((allowed) => covers(allowed, other)),
  );
}

/** `msgpackr/pack` → `msgpackr`. */
function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Every import of src, as paths under src or as names of packages. */
const IMPORTS = sourceFiles('src').flatMap((file) =>
  importsOf(file).map((to) => ({
    from: file.path.replace(/^src\//, ''),
    to: to.startsWith('src/') ? to.slice('src/'.length) : packageOf(to),
    isPackage: !to.startsWith('src/'),
  })),
);

describe('the rooms of src', () => {
  it('have a rule for every file', () => {
    const homeless = sourceFiles('src')
      .map(({ path }) => path.replace(/^src\//, ''))
      .filter((path) => roomOf(path) === undefined);
    expect(homeless, 'in no room: add the folder to ROOMS, with what it may import').toEqual([]);
  });

  it('import only what stands below them, type imports included', () => {
    const wrong = IMPORTS.filter(({ isPackage }) => !isPackage).flatMap(({ from, to }) => {
      const room = roomOf(from) ?? '';
      const { may = [], why = '' } = ROOMS[room] ?? {};
      if (roomOf(to) === room || may.some((allowed) => covers(allowed, to))) return [];
      return [`src/${from} imports src/${to}: ${room} may import ${may.join(', ')}, for ${why}`];
    });
    expect(wrong).toEqual([]);
  });

  it('keep the narrower rules of single folders', () => {
    const wrong = IMPORTS.flatMap(({ from, to }) =>
      NEVER.filter((rule) => isIn(from, rule.from) && rule.to.test(to)).map(
        ({ why }) => `src/${from} imports src/${to}, against the rule: ${why}`,
      ),
    );
    expect(wrong).toEqual([]);
  });

  it('have rules without a circle among themselves', () => {
    const circles: string[] = [];
    // Each room is walked once: there are millions of ways through them.
    const walked = new Set<string>();
    const walk = (room: string, above: readonly string[]): void => {
      if (above.includes(room)) circles.push([...above, room].join(' → '));
      if (above.includes(room) || walked.has(room)) return;
      walked.add(room);
      for (const next of roomsBelow(room)) walk(next, [...above, room]);
    };
    for (const room of Object.keys(ROOMS)) walk(room, []);
    expect(circles).toEqual([]);
  });
});

describe('the packages', () => {
  it('each have one door', () => {
    const wrong = IMPORTS.filter(({ to, isPackage }) => isPackage && !to.startsWith('node:'))
      .filter(({ from, to }) => !DOORS[to]?.some((door) => isIn(from, door)))
      .map(({ from, to }) => {
        const doors = DOORS[to];
        return doors === undefined
          ? `src/${from} imports ${to}, which has no door: add it to DOORS`
          : `src/${from} imports ${to}, whose door is ${doors.join(', ')}: go through it`;
      });
    expect(wrong).toEqual([]);
  });
});
