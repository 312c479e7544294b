/**
 * The command line: finds the command, loads only that, prints help, and turns errors into one line and an exit code:
 * 2 for what the user wrote, 1 for what failed.
 */
import { TwinError } from '../shared/errors.ts';
import { VLLM_VERSION } from '../shared/version.ts';
import type { Command } from './command.ts';
import { silenceClosedStreams, writeLastLine } from './last-line.ts';

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./serve.ts')).serveCommand,
  explain: async () => (await import('./explain/command.ts')).explainCommand,
  models: async () => (await import('./models.ts')).modelsCommand,
  replay: async () => (await import('./replay/command.ts')).replayCommand,
  simulate: async () => (await import('./simulate/command.ts')).simulateCommand,
  ctl: async () => (await import('./ctl/command.ts')).ctlCommand,
  frames: async () => (await import('./frames/command.ts')).framesCommand,
  tap: async () => (await import('./tap/command.ts')).tapCommand,
  lint: async () => (await import('./lint/command.ts')).lintCommand,
  conform: async () => (await import('./conform/command.ts')).conformCommand,
  versions: async () => (await import('./versions/command.ts')).versionsCommand,
  lesson: async () => (await import('./lesson/command.ts')).lessonCommand,
  completion: async () => (await import('./completion/command.ts')).completionCommand,
};

/** A server has its clients elsewhere; of a judge the exit code is asked for, and its reports. */
const GO_ON_UNREAD: ReadonlySet<string> = new Set(['serve', 'conform', 'lint']);

/** What the completion script calls this program with. */
const COMPLETION_WORD = '--get-yargs-completions';

async function main(words: readonly string[]): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const { overview, pageWidth } = await import('./help.ts');
    process.stdout.write(await overview(COMMANDS, pageWidth(process)));
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-v') {
    process.stdout.write(`vllm-twin ${await twinVersion()} (vLLM ${VLLM_VERSION})\n`);
    return 0;
  }
  if (name === COMPLETION_WORD) {
    const { completionCandidates } = await import('./completion/candidates.ts');
    const candidates = await completionCandidates(rest, COMMANDS);
    process.stdout.write(candidates.map((candidate) => `${candidate}\n`).join(''));
    return 0;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    process.stderr.write(
      `vllm-twin: unknown command '${name}'; one of ${Object.keys(COMMANDS).join(', ')} (see --help)\n`,
    );
    return 2;
  }
  const command = await load();
  const help = rest.find((word) => /^(-h|--help(=.*)?)$/.test(word));
  if (help !== undefined) {
    const { commandHelp, pageWidth } = await import('./help.ts');
    const asked = help.includes('=') ? help.slice(help.indexOf('=') + 1) : null;
    process.stdout.write(commandHelp(command, asked, pageWidth(process)));
    return 0;
  }
  return command.run(rest);
}

async function twinVersion(): Promise<string> {
  const [{ readFile }, { PACKAGE_JSON }] = await Promise.all([
    import('node:fs/promises'),
    import('../shared/own-files.ts'),
  ]);
  const text = await readFile(PACKAGE_JSON, 'utf8');
  return String((JSON.parse(text) as { version: unknown }).version);
}

/** How long a finished process may keep what it still writes, before it is ended. */
const LAST_RESORT_MS = 5_000;

function end(exitCode: number): void {
  process.exitCode = exitCode;
  setTimeout(() => process.exit(), LAST_RESORT_MS).unref();
}

const words = process.argv.slice(2);
silenceClosedStreams(words[0] !== undefined && GO_ON_UNREAD.has(words[0]));
main(words).then(end, (error: unknown) => {
  if (error instanceof TwinError) {
    writeLastLine(error.message.split('\n').join(' '), words);
    end(error.family === 'config' ? 2 : 1);
    return;
  }
  // Not an error that a user can cause: say all of it.
  writeLastLine(`internal error: ${error instanceof Error ? error.stack : error}`, words);
  end(1);
});
