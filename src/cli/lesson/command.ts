/** `vllm-twin lesson NAME`: the twin of a lesson, with its captions here and on the page. */
import { ConfigError } from '../../shared/errors.ts';
import type { Command, CommandFlag } from '../command.ts';
import { parseOwnFlags } from '../flags/own-flags.ts';
import { readServeArgs } from '../flags/serve-args.ts';
import { pageWidth } from '../help.ts';
import { captionsOf, type Lesson } from './lesson.ts';
import { LessonTerminal } from './lesson-terminal.ts';
import { LESSONS } from './lessons.ts';

const DEFAULT_PORT = '8000';

const FLAGS: readonly CommandFlag[] = [
  { name: 'port', takes: 'value', doc: `Where it serves; ${DEFAULT_PORT} without it, 0 for any` },
];

export const lessonCommand: Command = {
  name: 'lesson',
  usage: 'lesson [NAME] [flags]',
  summary: 'Start the twin of a lesson, paused where it teaches; without a name, list the lessons.',
  positional: 'lesson',
  readsSettings: false,
  examples: [
    ['lesson', 'what there is'],
    ['lesson handshake', 'two unequal engines start, frame by frame'],
    ['lesson scheduler --port 8001', 'steps by hand, at http://127.0.0.1:8001'],
  ],
  flags: [{ title: 'Lesson', flags: FLAGS }],
  async run(words) {
    const { positionals, flags } = parseOwnFlags(words, FLAGS, 'lesson');
    const [name, extra] = positionals;
    if (extra !== undefined)
      throw new ConfigError('E_BAD_FLAG', `lesson: expects one NAME, got '${extra}' as well`);
    if (name === undefined) {
      process.stdout.write(listOfLessons());
      return 0;
    }
    const lesson = LESSONS.find((known) => known.name === name);
    if (lesson === undefined) {
      const names = LESSONS.map((known) => known.name).join(', ');
      throw new ConfigError('E_BAD_FLAG', `lesson: there is no '${name}'; one of ${names}`);
    }
    return runLesson(lesson, flags.get('port')?.at(-1) ?? DEFAULT_PORT);
  },
};

function listOfLessons(): string {
  const width = Math.max(...LESSONS.map(({ name }) => name.length));
  return LESSONS.map(({ name, title }) => `${name.padEnd(width)}  ${title}\n`).join('');
}

async function runLesson(lesson: Lesson, port: string): Promise<number> {
  const logFormat = process.stderr.isTTY ? 'pretty' : 'json';
  const words = [...lesson.serve, '--port', port, '--log-format', logFormat];
  // A lesson is the same everywhere: neither the environment nor a file of settings has a part in it.
  const { args } = await readServeArgs(words, {});
  const { runServe } = await import('../../frontend/main.ts');
  const { name, title } = lesson;
  const terminal = new LessonTerminal(lesson, process, pageWidth(process));
  terminal.begin(port);
  try {
    return await runServe(args, {
      lesson: { name, title, captions: captionsOf(lesson) },
      onStarted: (server) => void start(lesson, server.address, terminal),
    });
  } finally {
    terminal.end();
  }
}

async function start(lesson: Lesson, address: string, terminal: LessonTerminal): Promise<void> {
  if (lesson.clock === 'paused') await pause(address);
  terminal.started(address);
}

async function pause(address: string): Promise<void> {
  const response = await fetch(`${address}/twin/api/clock`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ state: 'paused' }),
  });
  if (!response.ok) process.stderr.write(`The clock cannot be paused: ${await response.text()}\n`);
}
