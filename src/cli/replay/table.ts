/**
 * A replay for human eyes: one row a step, what happened in words between the rows, a summary at the end. Fits 80
 * columns; colours only where the caller says so.
 */
import { FINISH_REASON_STRINGS } from '../../shared/protocol/outputs.ts';
import { PAGE_WIDTH, type Palette, wrapWords } from '../text-layout.ts';
import { increase } from './counts.ts';
import type { ResolvedGroupRecord, ResolvedRecord, TraceRecord } from './record.ts';
import type { OutRecord, ScheduleRecord, StepOpRecord, StepRecord } from './steps.ts';

const COLUMNS = [
  { name: 'step', width: 4 },
  { name: 'scheduled', width: 26 },
  { name: 'preempted', width: 9 },
  { name: 'waiting', width: 7 },
  { name: 'hits', width: 4 },
  { name: 'blocks', width: 7 },
  { name: 'tokens out', width: 11 },
] as const;
const GAP = '  ';
const INDENT = ' '.repeat(6);

/** What is replayed, in words. */
export function headLines(
  trace: TraceRecord,
  resolved: ResolvedRecord,
  palette: Palette,
): string[] {
  const lines = [palette.bold(trace.id)];
  if (trace.description !== undefined)
    lines.push(...wrapCut(trace.description.split(' '), PAGE_WIDTH));
  const groups = new Map<string, number>();
  for (const group of resolved.groups) increase(groups, describeGroup(group));
  const facts = [
    `${resolved.num_gpu_blocks - 1} usable blocks`,
    ...[...groups].map(([name, count]) => (count === 1 ? name : `${count} × ${name}`)),
    `${resolved.max_num_batched_tokens} tokens a step`,
    `${resolved.max_num_seqs} running`,
    `context ${resolved.max_model_len}`,
    resolved.policy,
    resolved.max_concurrent_batches > 1 ? 'async scheduling' : 'sync scheduling',
    resolved.enable_prefix_caching ? 'prefix cache on' : 'prefix cache off',
  ];
  const separated = facts.map((fact, i) => (i < facts.length - 1 ? `${fact} ·` : fact));
  lines.push(...wrapCut(separated, PAGE_WIDTH).map(palette.dim));
  return lines;
}

export function columnLines(palette: Palette): string[] {
  return [
    palette.bold(row(COLUMNS.map(({ name }) => [name]))[0] ?? ''),
    palette.dim('─'.repeat(PAGE_WIDTH)),
  ];
}

function describeGroup(group: ResolvedGroupRecord): string {
  const words = group.kind.replace(/Spec$/, '').replace(/([a-z])([A-Z])/g, '$1 $2');
  const window = typeof group.sliding_window !== 'number' ? '' : ` of ${group.sliding_window}`;
  return `${words.toLowerCase()}${window}, ${group.block_size} tokens a block`;
}

/** The lines of one step: messages in, the row, what ended. */
export function stepLines(
  step: StepRecord,
  trace: TraceRecord,
  resolved: ResolvedRecord,
  palette: Palette,
): string[] {
  const lines: string[] = [];
  for (const text of describeOps(step.ops ?? [], trace)) {
    lines.push(...noteLines('›', text).map(palette.dim));
  }
  const { schedule } = step;
  const preempted = schedule?.preempted ?? step.preempted_outside_schedule ?? [];
  const usable = resolved.num_gpu_blocks - 1;
  const used = usable - (schedule?.free_blocks ?? step.after.free_blocks);
  const cells = [
    [String(step.step).padStart(4)],
    wrapCut(schedule === undefined ? ['–'] : describeBatch(schedule), COLUMNS[1].width),
    wrapCut(preempted, COLUMNS[2].width),
    [describeWaiting(schedule?.waiting ?? step.after.waiting)],
    [describeHits(schedule)],
    [`${used}/${usable}`.padStart(COLUMNS[5].width)],
    wrapCut(describeTokens(step.out, schedule), COLUMNS[6].width),
  ];
  const rows = row(cells);
  lines.push(...(preempted.length > 0 ? rows.map(palette.warn) : rows));
  for (const out of step.out) {
    for (const note of describeNews(out)) lines.push(...noteLines('‹', note).map(palette.dim));
  }
  return lines;
}

/** `+id:n` is admitted, `~id:n` resumed, `id:n` a chunk, `id` one token. */
function describeBatch(schedule: ScheduleRecord): string[] {
  if (schedule.tokens.length === 0) return ['(empty step)'];
  const marks = new Map<string, string>();
  for (const { id } of schedule.new) marks.set(id, '+');
  for (const { id } of schedule.resumed) marks.set(id, '~');
  return schedule.tokens.map(([id, count]) => {
    const mark = marks.get(id) ?? '';
    return mark === '' && count === 1 ? id : `${mark}${id}:${count}`;
  });
}

function describeHits(schedule: ScheduleRecord | undefined): string {
  if (schedule === undefined) return '';
  const admitted = [...schedule.new, ...schedule.resumed];
  const hits = admitted.reduce((sum, { computed }) => sum + computed, 0);
  return admitted.length === 0 ? '' : String(hits).padStart(COLUMNS[4].width);
}

/** Who got a token; "all n" where that is the whole batch and nobody finished. */
function describeTokens(out: readonly OutRecord[], schedule: ScheduleRecord | undefined): string[] {
  const outputs = out
    .flatMap(({ outputs: list }) => list)
    .filter(({ new_token_ids }) => new_token_ids.length > 0);
  const isWholeBatch =
    outputs.length > 1 &&
    outputs.length === schedule?.tokens.length &&
    outputs.every(({ id, finish_reason }) => {
      const isScheduled = schedule.tokens.some(([scheduled]) => scheduled === id);
      return finish_reason === undefined && isScheduled;
    });
  if (isWholeBatch) return [`all ${outputs.length}`];
  return outputs.map(({ id, finish_reason }) => (finish_reason === undefined ? id : `${id}.`));
}

function describeWaiting(waiting: readonly string[]): string {
  return waiting.length === 0 ? '' : String(waiting.length).padStart(COLUMNS[3].width);
}

/** Messages in words; arrivals share a line. */
function describeOps(ops: readonly StepOpRecord[], trace: TraceRecord): string[] {
  const lines: string[] = [];
  let arrivals: string[] = [];
  const flush = (): void => {
    if (arrivals.length > 0) lines.push(`add ${arrivals.join(', ')}`);
    arrivals = [];
  };
  for (const op of ops) {
    if (op.op === 'add') {
      const request = trace.requests.find(({ id }) => id === op.id);
      arrivals.push(`${op.id} (prompt ${request?.prompt_token_ids.length ?? '?'})`);
      continue;
    }
    flush();
    lines.push(describeOp(op));
  }
  flush();
  return lines;
}

function describeOp(op: Exclude<StepOpRecord, { op: 'add' }>): string {
  switch (op.op) {
    case 'abort':
      return `abort ${op.ids.join(', ')}`;
    case 'abort_during_execution':
      return `abort ${op.ids.join(', ')} while the model runs`;
    case 'utility':
      return `${op.method}(${op.args.map((arg) => JSON.stringify(arg)).join(', ')})`;
  }
}

function describeNews({ outputs, utility }: OutRecord): string[] {
  const news: string[] = [];
  if (utility !== undefined) {
    const answer = utility.failure_message ?? JSON.stringify(utility.result);
    news.push(`call ${utility.call_id}: ${answer}`);
  }
  for (const { id, finish_reason, stop_reason, error } of outputs) {
    if (finish_reason === undefined) continue;
    const why = stop_reason === undefined ? '' : ` (${stop_reason})`;
    const text = error === undefined ? '' : `: ${error.message}`;
    news.push(`${id} finished: ${FINISH_REASON_STRINGS[finish_reason] ?? '?'}${why}${text}`);
  }
  return news;
}

function noteLines(mark: string, text: string): string[] {
  const lines = wrapCut(text.split(' '), PAGE_WIDTH - INDENT.length - 2);
  return lines.map((line, i) => `${INDENT}${i === 0 ? mark : ' '} ${line}`);
}

/** Lines of at most `width` characters; a longer word is cut with an ellipsis. */
function wrapCut(words: readonly string[], width: number): string[] {
  const cut = words.map((word) => (word.length > width ? `${word.slice(0, width - 1)}…` : word));
  return wrapWords(cut, width);
}

/** Lays cells side by side; a cell with several lines makes the row that high. */
function row(cells: readonly (readonly string[])[]): string[] {
  const height = Math.max(...cells.map((cell) => cell.length));
  return Array.from({ length: height }, (_, i) =>
    COLUMNS.map(({ width }, column) => (cells[column]?.[i] ?? '').padEnd(width))
      .join(GAP)
      .trimEnd(),
  );
}
