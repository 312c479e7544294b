/**
 * `vllm-twin replay FILE`: steps an engine over scripted workloads on a virtual clock and shows every decision, as a
 * table, as JSON in the golden format, or only where it departs from the recording. Each step is written when it is made.
 */
import { ConfigError, TwinError } from '../../shared/errors.ts';
import { type CliIo, processIo, writePieces } from '../cli-io.ts';
import { COLOUR_PALETTE, type Palette, PLAIN_PALETTE } from '../text-layout.ts';
import { describeDifference, firstDifference } from './compare.ts';
import { Replay } from './engine.ts';
import { readTraces } from './read-traces.ts';
import type { TraceRecord } from './record.ts';
import { resolveTrace } from './resolve.ts';
import { ScriptedEngine } from './scripted-engine.ts';
import { StepText } from './step-text.ts';
import { ReplaySummary } from './summary.ts';
import { columnLines, headLines, stepLines } from './table.ts';

export interface ReplayArgs {
  readonly file: string;
  readonly json?: boolean;
  readonly check?: boolean;
  /** What the whole workload came to, and no step. */
  readonly summary?: boolean;
  /** Steps before this one. */
  readonly untilStep?: number;
  /** Only records whose id contains it. */
  readonly id?: string;
}

/** Resolves with the exit code: 0, 1 for a difference with --check, 2 for a bad file or flag. */
export async function runReplay(args: ReplayArgs, io: CliIo = processIo()): Promise<number> {
  try {
    const traces = selectTraces(
      readTraces(args.file, (text) => io.stderr(`${text}\n`)),
      args,
    );
    if (args.check === true) return check(traces, args, io);
    await writePieces(piecesOf(traces, args, io), io);
    return 0;
  } catch (error) {
    if (!(error instanceof TwinError)) throw error;
    io.stderr(`vllm-twin replay: ${error.message}\n`);
    return error.family === 'config' ? 2 : 1;
  }
}

function piecesOf(traces: readonly TraceRecord[], args: ReplayArgs, io: CliIo): Iterable<string> {
  if (args.json === true) return jsonPieces(traces, args);
  return args.summary === true ? summaryPieces(traces, args, io) : tablePieces(traces, args, io);
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

function check(traces: readonly TraceRecord[], args: ReplayArgs, io: CliIo): number {
  for (const trace of traces) {
    if (trace.steps === undefined) {
      throw new ConfigError(
        'E_BAD_FILE',
        `${trace.id}: --check needs recorded steps, and there are none`,
      );
    }
    const steps = new Replay({ trace, ...resolveTrace(trace) }).steps(args.untilStep);
    const difference = firstDifference(trace.steps.slice(0, args.untilStep), steps);
    if (difference !== null) {
      io.stdout(`${describeDifference(trace.id, difference)}\n`);
      return 1;
    }
  }
  const plural = traces.length === 1 ? '' : 's';
  io.stdout(`${traces.length} record${plural} replayed, no difference\n`);
  return 0;
}

/** The text of `{"traces": [{"id", "resolved", "steps"}]}`, a piece a step. A plan that fails comes before any text. */
function* jsonPieces(traces: readonly TraceRecord[], args: ReplayArgs): Generator<string> {
  const resolutions = traces.map(resolveTrace);
  yield '{"traces":[';
  for (const [index, resolution] of resolutions.entries()) {
    const trace = traces[index];
    if (trace === undefined) break;
    const { resolved } = resolution;
    const start = JSON.stringify({ id: trace.id, resolved }).slice(0, -1);
    yield `${index === 0 ? '' : ','}${start},"steps":[`;
    const text = new StepText();
    for (const step of new Replay({ trace, ...resolution }).steps(args.untilStep))
      yield `${step.step === 0 ? '' : ','}${text.of(step)}`;
    yield ']}';
  }
  yield ']}\n';
}

function* tablePieces(
  traces: readonly TraceRecord[],
  args: ReplayArgs,
  { colours }: CliIo,
): Generator<string> {
  const palette: Palette = colours ? COLOUR_PALETTE : PLAIN_PALETTE;
  for (const [index, trace] of traces.entries()) {
    const resolution = resolveTrace(trace);
    const { resolved } = resolution;
    const summary = new ReplaySummary(resolved);
    if (index > 0) yield '\n\n';
    yield textOf([...headLines(trace, resolved, palette), '', ...columnLines(palette)]);
    for (const step of new Replay({ trace, ...resolution }).steps(args.untilStep, summary)) {
      yield textOf(stepLines(step, trace, resolved, palette));
    }
    yield textOf(summary.lines(trace, palette));
    if (index === traces.length - 1) yield textOf(LEGEND.map(palette.dim));
  }
}

/** Nothing of a step is written down, so that this runs as fast as the engine does. */
function* summaryPieces(
  traces: readonly TraceRecord[],
  args: ReplayArgs,
  { colours }: CliIo,
): Generator<string> {
  const palette: Palette = colours ? COLOUR_PALETTE : PLAIN_PALETTE;
  for (const [index, trace] of traces.entries()) {
    const resolution = resolveTrace(trace);
    const summary = new ReplaySummary(resolution.resolved);
    const engine = new ScriptedEngine({ trace, ...resolution, recordsKvEvents: false });
    for (const turn of engine.turns(args.untilStep)) summary.add(turn);
    if (index > 0) yield '\n\n';
    yield textOf([
      ...headLines(trace, resolution.resolved, palette),
      ...summary.lines(trace, palette),
    ]);
  }
}

const LEGEND = [
  '',
  '+new:tokens  ~resumed:tokens  chunk:tokens  decode (one token)  out. = finished',
];

function textOf(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
