/**
 * One request's text: tokens become text as they come, and stop strings are looked for in it. Pure.
 * Source: vllm/v1/engine/detokenizer.py BaseIncrementalDetokenizer, check_stop_strings (0.33.0).
 */
import type { SamplingParams } from '../../shared/protocol/request.ts';
import type { DecodeStream } from '../../shared/tokenizer/tokenizer.ts';

export class IncrementalDetokenizer {
  readonly #stream: DecodeStream;
  readonly #stop: readonly string[];
  readonly #minTokens: number;
  readonly #includesStopString: boolean;
  /** Characters (code points) held back while a stop string may still begin in them. */
  readonly #stopBufferLength: number;
  readonly #tokenIds: number[] = [];
  /** All text so far; with `#isDeltaOnly` only what was not handed out yet. */
  #text = '';
  #lastTextOffset = 0;
  /** Nothing ever looks back: no stop strings, and each call hands out what is new. */
  readonly #isDeltaOnly: boolean;

  constructor(stream: DecodeStream, params: SamplingParams, isDelta: boolean) {
    this.#stream = stream;
    this.#stop = params.stop ?? [];
    this.#minTokens = params.minTokens;
    this.#includesStopString = params.includeStopStrInOutput;
    this.#stopBufferLength = params.outputTextBufferLength;
    this.#isDeltaOnly = isDelta && this.#stop.length === 0;
  }

  get outputTokenIds(): readonly number[] {
    return this.#tokenIds;
  }

  get numOutputTokens(): number {
    return this.#tokenIds.length;
  }

  /**
   * Takes in new tokens and returns the stop string they complete, or null. `isStopTerminated`: the last token is a
   * stop token, which adds no text unless the request wants it. Tokens after the one that completes a stop string are
   * dropped.
   */
  update(newTokenIds: readonly number[], isStopTerminated: boolean): string | null {
    const count = newTokenIds.length;
    if (count === 0) return null;
    const numDecoded = isStopTerminated && !this.#includesStopString ? count - 1 : count;
    if (this.#stop.length === 0) {
      for (let i = 0; i < count; i++) {
        const id = newTokenIds[i] as number;
        this.#tokenIds.push(id);
        if (i < numDecoded) this.#text += this.#stream.step(id);
      }
      return null;
    }
    return this.#updateWithStop(newTokenIds, numDecoded);
  }

  #updateWithStop(newTokenIds: readonly number[], numDecoded: number): string | null {
    const numPrevious = this.#tokenIds.length;
    const offsets = [this.#text.length];
    for (let i = 0; i < newTokenIds.length; i++) {
      const id = newTokenIds[i] as number;
      this.#tokenIds.push(id);
      if (i < numDecoded) this.#text += this.#stream.step(id);
      offsets.push(this.#text.length);
    }
    if (this.#tokenIds.length <= this.#minTokens) return null;
    const checkFrom = offsets[Math.max(this.#minTokens - numPrevious, 0)] ?? 0;
    const match = checkStopStrings({
      text: this.#text,
      newCharCount: this.#text.length - checkFrom,
      stop: this.#stop,
      includeInOutput: this.#includesStopString,
    });
    if (match === null) return null;
    let stopEnd = match.truncateTo === -1 ? this.#text.length : match.truncateTo;
    if (!this.#includesStopString) stopEnd += match.stopString.length;
    let numKept = 1;
    while (numKept < newTokenIds.length && (offsets[numKept] as number) < stopEnd) numKept += 1;
    this.#tokenIds.length = numPrevious + numKept;
    if (match.truncateTo !== -1) this.#text = this.#text.slice(0, match.truncateTo);
    return match.stopString;
  }

  /** With `isDelta` what is new since the last call, else all; text that may be part of a stop string waits. */
  getNextOutputText(isFinished: boolean, isDelta: boolean): string {
    if (this.#isDeltaOnly) {
      const text = this.#text;
      this.#text = '';
      return text;
    }
    const length =
      isFinished || this.#stopBufferLength <= 0
        ? this.#text.length
        : lengthWithoutLast(this.#text, this.#stopBufferLength);
    if (!isDelta) return length === this.#text.length ? this.#text : this.#text.slice(0, length);
    const from = this.#lastTextOffset;
    if (from >= length) return '';
    this.#lastTextOffset = length;
    return this.#text.slice(from, length);
  }
}

/** The length in UTF-16 units of the text without its last `count` code points. */
function lengthWithoutLast(text: string, count: number): number {
  let length = text.length;
  for (let i = 0; i < count && length > 0; i++) {
    const unit = text.charCodeAt(length - 1);
    length -= unit >= 0xdc00 && unit < 0xe000 && length > 1 ? 2 : 1;
  }
  return length;
}

export interface StopStringMatch {
  readonly stopString: string;
  /** -1: the text ends with the stop string and keeps it. */
  readonly truncateTo: number;
}

/** The stop string that completes first within the new text; ties go to the earlier in the list. */
export function checkStopStrings({
  text,
  newCharCount,
  stop,
  includeInOutput,
}: {
  readonly text: string;
  readonly newCharCount: number;
  readonly stop: readonly string[];
  readonly includeInOutput: boolean;
}): StopStringMatch | null {
  if (newCharCount === 0) return null;
  let best: string | null = null;
  let bestIndex = 0;
  let bestEnd = Number.POSITIVE_INFINITY;
  for (const candidate of stop) {
    const from = Math.max(0, text.length + 1 - newCharCount - candidate.length);
    const index = text.indexOf(candidate, from);
    if (index === -1) continue;
    const end = index + candidate.length;
    if (end < bestEnd) {
      best = candidate;
      bestIndex = index;
      bestEnd = end;
    }
  }
  if (best === null) return null;
  if (!includeInOutput) return { stopString: best, truncateTo: bestIndex };
  return { stopString: best, truncateTo: bestEnd >= text.length ? -1 : bestEnd };
}
