/**
 * Launchers that swallow signals: npm, npx and their like stop at a signal, or by one that cannot be caught, without what
 * they started hearing of it. Where one of them, or the shell that it starts a script in, is this process's parent, its
 * end is a reason to stop. Any other parent may go: a shell behind `&` or nohup, or an init process, means nothing by it.
 */
import {
  type ProcessEntry,
  readCommandLine,
  readProcessEntry,
} from '../../shared/process-table.ts';

/** Between two looks at the parents. */
const POLL_MS = 250;

const LAUNCHER_WORD =
  /(^|[\s/\\])(npm|npx|pnpm|pnpx|yarn|yarnpkg|bun|bunx|corepack)(-cli)?(\.c?js)?(\s|$)/;
const SHELL = /^(-?|.*\/)(sh|bash|dash|ash|zsh|ksh|busybox)$/;
/** A script that lets go of what it starts: its shell's end is no message. */
const LETS_GO = /\b(nohup|setsid|disown)\b|&\s*$/;

/** What is known of processes; the system, or a test's. */
export interface LauncherFacts {
  readonly pid: number;
  readonly parentPid: () => number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly entryOf: (pid: number) => ProcessEntry | null;
  readonly commandOf: (pid: number) => readonly string[] | null;
}

export function systemFacts(): LauncherFacts {
  return {
    pid: process.pid,
    parentPid: () => process.ppid,
    env: process.env,
    entryOf: readProcessEntry,
    commandOf: readCommandLine,
  };
}

export interface Launcher {
  /** For the log: `npm start`. */
  readonly name: string;
  readonly isGone: () => boolean;
}

/** The launcher that this process hangs on; null where there is none. */
export function findLauncher(facts: LauncherFacts): Launcher | null {
  const { env, pid, entryOf, commandOf } = facts;
  if (env['npm_execpath'] === undefined && env['npm_config_user_agent'] === undefined) return null;
  const parentPid = facts.parentPid();
  if (parentPid <= 1 || hasOwnSession(facts, parentPid)) return null;
  const command = commandOf(parentPid);
  const isParentGone = (): boolean => facts.parentPid() !== parentPid;
  // Without a process table the npm_ variables are all there is to go by.
  if (command === null) return entryOf(pid) === null ? { name: 'npm', isGone: isParentGone } : null;
  if (isLauncher(command)) return { name: nameOf(command), isGone: isParentGone };
  if (!isScriptShell(command) || LETS_GO.test(command.join(' '))) return null;
  const grandparentPid = entryOf(parentPid)?.parentPid ?? 0;
  const grandparent = commandOf(grandparentPid) ?? [];
  const hasGrandparent = isLauncher(grandparent);
  if (!hasGrandparent && !runsLifecycleScript(command, env)) return null;
  // A script's shell that an init process has taken over has lost its launcher already.
  const wasGoneBefore = !hasGrandparent && grandparentPid === 1;
  return {
    name: hasGrandparent ? nameOf(grandparent) : nameOf(command),
    isGone: () =>
      wasGoneBefore ||
      isParentGone() ||
      (entryOf(parentPid)?.parentPid ?? grandparentPid) !== grandparentPid,
  };
}

/** The shell has the very script to run that the launcher says it started. */
function runsLifecycleScript(
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  const script = env['npm_lifecycle_script'] ?? '';
  return script !== '' && command.some((word) => word.startsWith(script));
}

/** Calls `onGone` once when the launcher has gone. Returns what ends the watch. */
export function watchLauncher(
  facts: LauncherFacts,
  onGone: (launcherName: string) => void,
): () => void {
  const launcher = findLauncher(facts);
  if (launcher === null) return () => {};
  const timer = setInterval(() => {
    if (!launcher.isGone()) return;
    clearInterval(timer);
    onGone(launcher.name);
  }, POLL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Started by setsid: it was meant to outlive whoever started it. */
function hasOwnSession({ pid, entryOf }: LauncherFacts, parentPid: number): boolean {
  const own = entryOf(pid);
  const parent = entryOf(parentPid);
  return own !== null && parent !== null && own.sessionId !== parent.sessionId;
}

function isLauncher(command: readonly string[]): boolean {
  // npm's processes have its own words as their title: one word, `npm exec vllm-twin serve`.
  const [program = '', script = ''] = command;
  if (SHELL.test(program)) return false;
  return (
    LAUNCHER_WORD.test(program) ||
    (/(^|\/)(node|nodejs)$/.test(program) && LAUNCHER_WORD.test(script))
  );
}

function isScriptShell([program = '', ...words]: readonly string[]): boolean {
  return SHELL.test(program) && words.some((word) => /^-[a-z]*c$/.test(word));
}

/** The program and its command, `npm exec`: what follows may be a key. */
function nameOf(command: readonly string[]): string {
  return command.join(' ').trim().split(/\s+/).slice(0, 2).join(' ');
}
