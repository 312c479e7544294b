/** Requests and utility calls of one engine as one process sees them: added before they are answered, finished once. */
import type { FrameType } from '../frame-type.ts';
import { BoundedMap } from './bounded-map.ts';
import { type Fields, fieldsOf } from './handshake-check.ts';
import type { ProblemLog, ProblemPlace } from './problem-log.ts';

/** Requests, or calls, of one engine that are remembered. */
const MAX_KNOWN = 20_000;

type RequestState = 'running' | 'resumable' | 'aborted' | 'finished';

/**
 * What an engine sends without being asked.
 * Source: vllm/v1/engine/__init__.py EEP_NOTIFICATION_CALL_ID, FT_STATUS_CALL_ID (0.33.0).
 */
const NOTICE_CALL_IDS: ReadonlySet<string> = new Set(['-1', '-2']);

export class RequestCheck {
  readonly #log: ProblemLog;
  readonly #requests = new BoundedMap<string, RequestState>(MAX_KNOWN);
  readonly #calls = new BoundedMap<string, true>(MAX_KNOWN);

  constructor(log: ProblemLog) {
    this.#log = log;
  }

  /** A frame of the input or output socket. `isWhole`: no frame before it is missing. */
  add(type: FrameType, message: Fields, place: ProblemPlace, isWhole: boolean): void {
    switch (type) {
      case 'ADD':
        this.#addRequest(message, place, isWhole);
        break;
      case 'ABORT':
        for (const id of listOf(message['request_ids']))
          if (this.#requests.get(String(id)) !== 'finished')
            this.#requests.set(String(id), 'aborted');
        break;
      case 'UTILITY':
        this.#addCall(message, place, isWhole);
        break;
      case 'OUTPUTS':
        this.#addOutputs(message, place, isWhole);
        break;
      default:
    }
  }

  #addRequest(message: Fields, place: ProblemPlace, isWhole: boolean): void {
    const id = message['request_id'];
    if (typeof id !== 'string') return;
    if (isWhole && this.#requests.get(id) === 'running')
      this.#log.add('request.twice', place, `ADD of ${id}, which still runs`);
    this.#requests.set(id, message['resumable'] === true ? 'resumable' : 'running');
  }

  #addCall(message: Fields, place: ProblemPlace, isWhole: boolean): void {
    const id = callIdOf(message['call_id']);
    if (id === null) return;
    if (isWhole && this.#calls.has(id))
      this.#log.add('utility.twice', place, `call ${id}, which is not yet answered`);
    this.#calls.set(id, true);
  }

  #addOutputs(message: Fields, place: ProblemPlace, isWhole: boolean): void {
    for (const output of listOf(message['outputs'])) {
      const { request_id: id, finish_reason: reason = null } = fieldsOf(output);
      if (typeof id === 'string') this.#addOutput(id, reason !== null, place, isWhole);
    }
    const utility = message['utility_output'];
    const id = callIdOf(fieldsOf(utility)['call_id']);
    if (id === null || NOTICE_CALL_IDS.has(id)) return;
    if (!this.#calls.delete(id) && isWhole && !this.#calls.hasForgotten)
      this.#log.add('utility.answer', place, `an answer to call ${id}, which is not open`);
  }

  #addOutput(id: string, isFinished: boolean, place: ProblemPlace, isWhole: boolean): void {
    const state = this.#requests.get(id);
    if (state === undefined && isWhole && !this.#requests.hasForgotten)
      this.#log.add('outputs.request', place, `outputs of ${id}, which was never added`);
    if (state === 'finished' && isWhole)
      this.#log.add('outputs.finished', place, `outputs of ${id}, which was finished before`);
    if (isFinished) this.#requests.set(id, 'finished');
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** 64 bits are shown as `{$bigint}`. */
function callIdOf(value: unknown): string | null {
  if (typeof value === 'number') return String(value);
  const big = fieldsOf(value)['$bigint'];
  return typeof big === 'string' ? big : null;
}
