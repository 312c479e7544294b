/**
 * `vllm-twin replay FILE`: steps an engine over scripted workloads on a virtual clock and shows every decision, as a
 * table, as JSON in the golden format, or only where it departs from the recording.
 */
import { ConfigError, TwinError } from '../../shared/errors.ts';
import { type CliIo, processIo, readJsonFile } from '../cli-io.ts';
import { describeDifference, firstDifference } from './compare.ts';
import { Replay } from './engine.ts';
import { parseTraceRecords, type TraceRecord } from './record.ts';
import { resolveTrace } from './resolve.ts';
import type { StepRecord } from './steps.ts';
import { COLOURS, headLines, type Palette, PLAIN, ReplaySummary, stepLines } from './table.ts';

export interface ReplayArgs {
  readonly file: string;
  readonly json?: boolean;
  readonly check?: boolean;
  /** Steps before this one. */
  readonly untilStep?: number;
  /** Only records whose id contains it. */
  readonly id?: string;
}

/** The flags, for the command line's help. */
export const REPLAY_OPTIONS = {
  json: {
    type: 'boolean',
    describe: 'Print resolved config and steps as JSON in the golden format',
  },
  check: {
    type: 'boolean',
    describe: "Compare with the file's own steps; exit 1 at the first difference",
  },
  'until-step': { type: 'number', describe: 'Stop before this step' },
  id: { type: 'string', describe: 'Only records whose id contains this text' },
} as const;

/** Returns the exit code: 0, 1 for a difference with --check or a plan that fails, 2 for a bad file or flag. */
export function runReplay(args: ReplayArgs, io: CliIo = processIo()): number {
  try {
    const traces = selectTraces(readTraces(args.file, io), args);
    if (args.check === true) return check(traces, args, io);
    if (args.json === true) return printJson(traces, args, io);
    return printTables(traces, args, io);
  } catch (error) {
    if (!(error instanceof TwinError)) throw error;
    io.stderr(`vllm-twin replay: ${error.message}\n`);
    return error.family === 'config' ? 2 : 1;
  }
}

function readTraces(file: string, io: CliIo): TraceRecord[] {
  const document = readJsonFile(file);
  try {
    return parseTraceRecords(document, (message) => io.stderr(`${file}: ${message}\n`));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError('E_BAD_FILE', `${file}: ${error.message}`, { cause: error });
  }
}

function selectTraces(traces: readonly TraceRecord[], args: ReplayArgs): readonly TraceRecord[] {
  const { id, untilStep } = args;
  if (untilStep !== undefined && !(Number.isSafeInteger(untilStep) && untilStep >= 0)) {
    throw new ConfigError(
      'E_BAD_FLAG',
      `--until-step: expected an integer of at least 0, got ${untilStep}`,
    );
  }
  if (id === undefined) return traces;
  const selected = traces.filter((trace) => trace.id.includes(id));
  if (selected.length === 0) {
    throw new ConfigError('E_BAD_FLAG', `--id: no record's id contains ${JSON.stringify(id)}`);
  }
  return selected;
}

function replay(trace: TraceRecord, untilStep: number | undefined): StepRecord[] {
  const engine = new Replay({ trace, ...resolveTrace(trace) });
  return engine.run(untilStep);
}

function check(traces: readonly TraceRecord[], args: ReplayArgs, io: CliIo): number {
  for (const trace of traces) {
    if (trace.steps === undefined) {
      throw new ConfigError(
        'E_BAD_FILE',
        `${trace.id}: --check needs recorded steps, and there are none`,
      );
    }
    const steps = replay(trace, args.untilStep);
    const recorded = trace.steps.slice(0, args.untilStep);
    const difference = firstDifference(recorded, steps);
    if (difference !== null) {
      io.stdout(`${describeDifference(trace.id, difference)}\n`);
      return 1;
    }
  }
  const plural = traces.length === 1 ? '' : 's';
  io.stdout(`${traces.length} record${plural} replayed, no difference\n`);
  return 0;
}

function printJson(traces: readonly TraceRecord[], args: ReplayArgs, io: CliIo): number {
  const replayed = traces.map((trace) => {
    const resolution = resolveTrace(trace);
    const steps = new Replay({ trace, ...resolution }).run(args.untilStep);
    return { id: trace.id, resolved: resolution.resolved, steps };
  });
  io.stdout(`${JSON.stringify({ traces: replayed })}\n`);
  return 0;
}

function printTables(traces: readonly TraceRecord[], args: ReplayArgs, io: CliIo): number {
  const palette: Palette = io.colours ? COLOURS : PLAIN;
  for (const [index, trace] of traces.entries()) {
    const resolution = resolveTrace(trace);
    const { resolved } = resolution;
    const engine = new Replay({ trace, ...resolution });
    const summary = new ReplaySummary();
    if (index > 0) io.stdout('\n\n');
    print(io, headLines(trace, resolved, palette));
    const untilStep = args.untilStep ?? Infinity;
    for (let step = 0; engine.hasMore() && step < untilStep; step += 1) {
      const record = engine.nextStep();
      summary.add(record, resolved);
      print(io, stepLines(record, trace, resolved, palette));
    }
    print(io, summary.lines(trace, resolved, palette));
    if (index === traces.length - 1) print(io, legendLines().map(palette.dim));
  }
  return 0;
}

function legendLines(): string[] {
  return ['', '+new:tokens  ~resumed:tokens  chunk:tokens  decode (one token)  out. = finished'];
}

function print(io: CliIo, lines: readonly string[]): void {
  io.stdout(`${lines.join('\n')}\n`);
}
