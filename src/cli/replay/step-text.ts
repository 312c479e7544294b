/**
 * The JSON text of step records, the same as JSON.stringify's and several times faster: what a step says of each request
 * is put together from pieces that are the same from step to step. A running request is about 120 characters of each step.
 */
import type {
  ComputedTokens,
  OutputRecord,
  OutRecord,
  ScheduleRecord,
  StepRecord,
} from './steps.ts';

/** Ids whose text is kept; beyond them it is made anew, so that a long workload does not grow. */
const MAX_KEPT_IDS = 1 << 14;
/** A key that an object puts in front of the others, in the order of the numbers. */
const ARRAY_INDEX = /^(0|[1-9]\d*)$/;

export class StepText {
  readonly #quoted = new Map<string, string>();
  readonly #tokens = new ListText();
  readonly #running = new ListText();
  readonly #waiting = new ListText();
  #computedIds: readonly string[] = [];
  #computedKeys: readonly string[] = [];
  /** An id came by that an object would sort. */
  #isComputedSorted = false;

  of(record: StepRecord): string {
    const { ops, schedule, preempted_outside_schedule: preempted, after, kv_events } = record;
    let text = `{"step":${record.step}`;
    if (ops !== undefined) text += `,"ops":${JSON.stringify(ops)}`;
    if (schedule !== undefined) text += `,"schedule":${this.#schedule(schedule)}`;
    text += `,"model_executed":${record.model_executed}`;
    if (preempted !== undefined)
      text += `,"preempted_outside_schedule":${JSON.stringify(preempted)}`;
    text += `,"out":[${record.out.map((out) => this.#out(out)).join(',')}]`;
    const { running, waiting, free_blocks, kv_cache_usage, computed, ...rest } = after;
    text +=
      `,"after":{"running":${this.#running.of(running)},"waiting":${this.#waiting.of(waiting)}` +
      `,"free_blocks":${free_blocks},"kv_cache_usage":${kv_cache_usage}` +
      `,"computed":${this.#computed(computed)}${further(rest)}`;
    if (kv_events !== undefined) text += `,"kv_events":${JSON.stringify(kv_events)}`;
    return `${text}}`;
  }

  #schedule(schedule: ScheduleRecord): string {
    const { tokens, total, cached, running, waiting, new: admitted, resumed, ...more } = schedule;
    const { preempted, worker_finished_req_ids, free_blocks, ...rest } = more;
    let text =
      `{"tokens":${this.#tokens.of(tokens)},"total":${total}` +
      `,"new":${JSON.stringify(admitted)},"resumed":${JSON.stringify(resumed)},"cached":[`;
    let separator = '';
    for (const { id, computed, new_blocks } of cached) {
      const blocks = new_blocks === null ? 'null' : JSON.stringify(new_blocks);
      text += `${separator}{"id":${this.#quote(id)},"computed":${computed},"new_blocks":${blocks}}`;
      separator = ',';
    }
    text +=
      `],"preempted":${JSON.stringify(preempted)}` +
      `,"worker_finished_req_ids":${JSON.stringify(worker_finished_req_ids)},"free_blocks":${free_blocks}` +
      `,"running":${this.#running.of(running)},"waiting":${this.#waiting.of(waiting)}`;
    return text + further(rest);
  }

  #out({ client, outputs, ...rest }: OutRecord): string {
    let text = `{"client":${client},"outputs":[`;
    let separator = '';
    for (const output of outputs) {
      text += `${separator}${this.#output(output)}`;
      separator = ',';
    }
    return `${text}]${further(rest)}`;
  }

  #output(output: OutputRecord): string {
    const { id, new_token_ids: tokenIds } = output;
    const text = `{"id":${this.#quote(id)},"new_token_ids":[${tokenIds.length === 1 ? tokenIds[0] : tokenIds.join(',')}]`;
    if (isToken(output)) return `${text}}`;
    const { id: _id, new_token_ids: _tokenIds, ...rest } = output;
    return text + further(rest);
  }

  #computed(computed: ComputedTokens): string {
    const { ids, numTokens } = computed;
    if (ids !== this.#computedIds) {
      this.#computedKeys = this.#keysOf(ids);
      this.#computedIds = ids;
    }
    if (this.#isComputedSorted) return JSON.stringify(computed);
    const keys = this.#computedKeys;
    if (keys.length === 0) return '{}';
    let text = `{${keys[0]?.slice(1)}${numTokens[0]}`;
    for (let i = 1; i < keys.length; i += 1) text += `${keys[i]}${numTokens[i]}`;
    return `${text}}`;
  }

  /** Those of before, in their order, where ids have only gone and come: with a deep queue there are thousands a step. */
  #keysOf(ids: readonly string[]): string[] {
    const before = this.#computedIds;
    let at = 0;
    return ids.map((id) => {
      while (at < before.length && before[at] !== id) at += 1;
      const key = this.#computedKeys[at];
      at += 1;
      if (key !== undefined) return key;
      this.#isComputedSorted ||= ARRAY_INDEX.test(id);
      return `,${this.#quote(id)}:`;
    });
  }

  #quote(id: string): string {
    let text = this.#quoted.get(id);
    if (text !== undefined) return text;
    text = JSON.stringify(id);
    if (this.#quoted.size < MAX_KEPT_IDS) this.#quoted.set(id, text);
    return text;
  }
}

/** Nearly every output brings a token and says nothing else. */
function isToken({
  finish_reason,
  stop_reason,
  events,
  prefill_stats,
  error,
}: OutputRecord): boolean {
  return (
    finish_reason === undefined &&
    stop_reason === undefined &&
    events === undefined &&
    prefill_stats === undefined &&
    error === undefined
  );
}

/** The fields that come last in an object, and its end. */
function further(fields: object): string {
  const text = JSON.stringify(fields);
  return text === '{}' ? '}' : `,${text.slice(1)}`;
}

/** The text of a list that the recorder makes anew only when it changes. */
class ListText {
  #list: readonly unknown[] = [];
  #text = '[]';

  of(list: readonly unknown[]): string {
    if (list !== this.#list) {
      this.#text = this.#withoutFirst(list) ?? JSON.stringify(list);
      this.#list = list;
    }
    return this.#text;
  }

  /** The text where only the first entries are gone, as of a queue: nothing of a deep one is quoted again. */
  #withoutFirst(list: readonly unknown[]): string | null {
    const before = this.#list;
    const numGone = before.length - list.length;
    if (numGone <= 0 || list.length === 0) return null;
    if (!list.every((entry, index) => entry === before[index + numGone])) return null;
    return `[${this.#text.slice(JSON.stringify(before.slice(0, numGone)).length)}`;
  }
}
