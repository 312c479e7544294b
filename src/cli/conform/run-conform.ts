/** Runs the checks of one side and shows what they gave: to people as it comes, else as one document at the end. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import type { CheckResult, CheckSpec } from '../../conform/check.ts';
import { jsonReport } from '../../conform/report/json.ts';
import { junitReport } from '../../conform/report/junit.ts';
import { type ConformReport, countOf } from '../../conform/report/report.ts';
import { checkLines, summaryLine, type TextLayout } from '../../conform/report/text.ts';
import { ConfigError, reasonOf } from '../../shared/errors.ts';
import { type CliIo, processIo } from '../cli-io.ts';
import type { OwnFlags } from '../flags/own-flags.ts';
import { startRecorder } from '../start-recorder.ts';
import { COLOUR_PALETTE, PAGE_WIDTH, PLAIN_PALETTE, wrap } from '../text-layout.ts';
import type { ConformSide } from './conform-side.ts';
import { type ConformSettings, readConformSettings } from './settings.ts';

/** Resolves with the exit code: 0 where no check failed, else 1. Throws E_BAD_FLAG. */
export async function runConform(flags: OwnFlags, side: ConformSide): Promise<number> {
  const io = processIo();
  const settings = readConformSettings(flags, side);
  if (settings.list) {
    io.stdout(listText(side.specs, settings.json));
    return 0;
  }
  const judge = side.prepare(flags);
  if (settings.junit !== null) checkJunit(settings.junit);
  const layout = layoutFor(io);
  const say = (text: string): void => io.stderr(`conform: ${text}\n`);
  const recorder =
    settings.record === null
      ? null
      : startRecorder({
          folder: settings.record,
          process: side.process,
          vllmVersion: settings.version.vllmVersion,
          say,
        });
  const ending = new AbortController();
  const end = (): void => ending.abort();
  for (const signal of SIGNALS) process.once(signal, end);
  try {
    const checks = await judge({
      version: settings.version,
      only: settings.only,
      startMs: settings.startMs,
      signal: ending.signal,
      say,
      onFrame: (frame) => recorder?.take(frame),
      onResult: (result) => {
        if (!settings.json) io.stdout(resultText(result, layout));
      },
    });
    const report = { side: side.side, vllmVersion: settings.version.vllmVersion, checks };
    showReport(report, settings, layout, io);
    return countOf(report, 'failed') === 0 ? 0 : 1;
  } finally {
    for (const signal of SIGNALS) process.off(signal, end);
    recorder?.end();
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function showReport(
  report: ConformReport,
  { json, junit }: ConformSettings,
  layout: TextLayout,
  { stdout }: CliIo,
): void {
  if (junit !== null) writeJunit(junit, junitReport(report));
  stdout(json ? jsonReport(report) : `\n${summaryLine(report, layout)}\n`);
}

function resultText(result: CheckResult, layout: TextLayout): string {
  return checkLines(result, layout)
    .map((line) => `${line}\n`)
    .join('');
}

function layoutFor({ colours }: CliIo): TextLayout {
  return {
    ...(colours ? COLOUR_PALETTE : PLAIN_PALETTE),
    wrap: (text, indent) => wrap(text, indent),
  };
}

/** The checks without a run. */
function listText(specs: readonly CheckSpec[], json: boolean): string {
  if (json) return `${JSON.stringify({ checks: specs }, null, 2)}\n`;
  return specs
    .flatMap(({ id, does, source }) => [
      id,
      ...wrap(does, '    ', PAGE_WIDTH),
      ...wrap(`(${source})`, '    ', PAGE_WIDTH),
    ])
    .map((line) => `${line}\n`)
    .join('');
}

/** Throws E_BAD_FLAG before anybody waits for a peer. An earlier run's report stays until there is another. */
function checkJunit(file: string): void {
  const isNew = !existsSync(file);
  writeJunit(file, '', 'a');
  if (isNew) rmSync(file, { force: true });
}

/** Throws E_BAD_FLAG. */
function writeJunit(file: string, text: string, flag: 'a' | 'w' = 'w'): void {
  try {
    writeFileSync(file, text, { flag });
  } catch (cause) {
    throw new ConfigError(
      'E_BAD_FLAG',
      `--junit ${file}: cannot be written (${reasonOf(cause)}); name a file in a folder that can be written to`,
      { cause },
    );
  }
}
