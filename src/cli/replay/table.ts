/**
 * A replay for human eyes: one row a step, what happened in words between the rows, a summary at the end. Fits 80
 * columns; colours only where the caller says so.
 */
import { FINISH_REASON_STRINGS } from '../../shared/protocol/outputs.ts';
import type { ResolvedGroupRecord, ResolvedRecord, TraceRecord } from './record.ts';
import type { OutRecord, ScheduleRecord, StepOpRecord, StepRecord } from './steps.ts';

const WIDTH = 80;
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

export interface Palette {
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly alert: (text: string) => string;
}

const plain = (text: string): string => text;
export const PLAIN: Palette = { dim: plain, bold: plain, alert: plain };
export const COLOURS: Palette = {
  dim: (text) => `\u001b[2m${text}\u001b[22m`,
  bold: (text) => `\u001b[1m${text}\u001b[22m`,
  alert: (text) => `\u001b[33m${text}\u001b[39m`,
};

/** The lines before the first step. */
export function headLines(
  trace: TraceRecord,
  resolved: ResolvedRecord,
  palette: Palette,
): string[] {
  const lines = [palette.bold(trace.id)];
  if (trace.description !== undefined) lines.push(...wrap(trace.description.split(' '), WIDTH));
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
  lines.push(...wrap(separated, WIDTH).map(palette.dim), '');
  lines.push(palette.bold(row(COLUMNS.map(({ name }) => [name]))[0] ?? ''));
  lines.push(palette.dim('─'.repeat(WIDTH)));
  return lines;
}

function describeGroup(group: ResolvedGroupRecord): string {
  const words = group.kind.replace(/Spec$/, '').replace(/([a-z])([A-Z])/g, '$1 $2');
  const window = group.sliding_window === null ? '' : ` of ${group.sliding_window}`;
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
    wrap(schedule === undefined ? ['–'] : describeBatch(schedule), COLUMNS[1].width),
    wrap(preempted, COLUMNS[2].width),
    [describeWaiting(schedule?.waiting ?? step.after.waiting)],
    [describeHits(schedule)],
    [`${used}/${usable}`.padStart(COLUMNS[5].width)],
    wrap(describeTokens(step.out, schedule), COLUMNS[6].width),
  ];
  const rows = row(cells);
  lines.push(...(preempted.length > 0 ? rows.map(palette.alert) : rows));
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
  const lines = wrap(text.split(' '), WIDTH - INDENT.length - 2);
  return lines.map((line, i) => `${INDENT}${i === 0 ? mark : ' '} ${line}`);
}

/** What the whole workload came to. */
export class ReplaySummary {
  #steps = 0;
  #modelSteps = 0;
  #promptTokens = 0;
  #cachedTokens = 0;
  #outputTokens = 0;
  #peakUsedBlocks = 0;
  readonly #finished = new Map<string, number>();
  readonly #preempted = new Map<string, number>();

  add(step: StepRecord, resolved: ResolvedRecord): void {
    this.#steps += 1;
    if (step.model_executed) this.#modelSteps += 1;
    const free = Math.min(step.schedule?.free_blocks ?? Infinity, step.after.free_blocks);
    this.#peakUsedBlocks = Math.max(this.#peakUsedBlocks, resolved.num_gpu_blocks - 1 - free);
    const preempted = step.schedule?.preempted ?? step.preempted_outside_schedule ?? [];
    for (const id of preempted) increase(this.#preempted, id);
    for (const { outputs } of step.out) {
      for (const output of outputs) {
        this.#outputTokens += output.new_token_ids.length;
        this.#promptTokens += output.prefill_stats?.['num_prompt_tokens'] ?? 0;
        this.#cachedTokens += output.prefill_stats?.['num_cached_tokens'] ?? 0;
        if (output.finish_reason === undefined) continue;
        increase(this.#finished, FINISH_REASON_STRINGS[output.finish_reason] ?? '?');
      }
    }
  }

  lines(trace: TraceRecord, resolved: ResolvedRecord, palette: Palette): string[] {
    const usable = resolved.num_gpu_blocks - 1;
    const numFinished = [...this.#finished.values()].reduce((a, b) => a + b, 0);
    const reasons = listCounts(this.#finished);
    const preemptions = [...this.#preempted.values()].reduce((a, b) => a + b, 0);
    const entries: [string, string][] = [
      ['steps', `${this.#steps}, of which ${this.#modelSteps} ran the model`],
      [
        'requests',
        `${trace.requests.length}, finished ${numFinished}${reasons && ` (${reasons})`}`,
      ],
      [
        'prompt',
        `${this.#promptTokens} tokens, ${percent(this.#cachedTokens, this.#promptTokens)} from the prefix cache`,
      ],
      ['output', `${this.#outputTokens} tokens, ${this.#perModelStep()} a model step`],
      [
        'blocks',
        `${this.#peakUsedBlocks} of ${usable} at the peak (${percent(this.#peakUsedBlocks, usable)})`,
      ],
      ['preempted', preemptions === 0 ? 'nobody' : listCounts(this.#preempted)],
    ];
    const lines = [palette.dim('─'.repeat(WIDTH))];
    for (const [name, text] of entries) {
      const wrapped = wrap(text.split(' '), WIDTH - 11);
      wrapped.forEach((line, i) => {
        lines.push(`${i === 0 ? palette.bold(name.padEnd(11)) : ' '.repeat(11)}${line}`);
      });
    }
    return lines;
  }

  #perModelStep(): string {
    if (this.#modelSteps === 0) return '0';
    return (this.#outputTokens / this.#modelSteps).toFixed(1);
  }
}

function increase(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function listCounts(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([key, count]) => `${key} ×${count}`).join(', ');
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${Math.round((part / whole) * 100)} %`;
}

/** Breaks words into lines of at most `width` characters; a longer word is cut with an ellipsis. */
function wrap(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    const fitted = word.length > width ? `${word.slice(0, width - 1)}…` : word;
    if (line === '') line = fitted;
    else if (line.length + 1 + fitted.length <= width) line += ` ${fitted}`;
    else {
      lines.push(line);
      line = fitted;
    }
  }
  return line === '' && lines.length > 0 ? lines : [...lines, line];
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
