import { FINISH_REASON_STRINGS } from '../../shared/protocol/outputs.ts';
import { PAGE_WIDTH, type Palette, wrapWords } from '../text-layout.ts';
import { increase, listCounts } from './counts.ts';
import type { ResolvedRecord, TraceRecord } from './record.ts';
import type { Turn } from './scripted-engine.ts';

const NAME_WIDTH = 11;

/** What the whole workload came to. */
export class ReplaySummary {
  #steps = 0;
  #modelSteps = 0;
  #promptTokens = 0;
  #cachedTokens = 0;
  #outputTokens = 0;
  #peakUsedBlocks = 0;
  readonly #usableBlocks: number;
  readonly #finished = new Map<string, number>();
  readonly #preempted = new Map<string, number>();

  constructor(resolved: ResolvedRecord) {
    this.#usableBlocks = resolved.num_gpu_blocks - 1;
  }

  add(turn: Turn): void {
    this.#steps += 1;
    if (turn.modelExecuted) this.#modelSteps += 1;
    this.#peakUsedBlocks = Math.max(this.#peakUsedBlocks, this.#usableBlocks - turn.minFreeBlocks);
    for (const id of turn.preempted) increase(this.#preempted, id);
    for (const { outputs } of turn.messages) {
      for (const { newTokenIds, prefillStats, finishReason } of outputs.outputs) {
        this.#outputTokens += newTokenIds.length;
        if (prefillStats !== null) {
          this.#promptTokens += prefillStats.numPromptTokens;
          this.#cachedTokens += prefillStats.numCachedTokens;
        }
        if (finishReason === null) continue;
        increase(this.#finished, FINISH_REASON_STRINGS[finishReason] ?? '?');
      }
    }
  }

  lines(trace: TraceRecord, palette: Palette): string[] {
    const usable = this.#usableBlocks;
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
    const lines = [palette.dim('─'.repeat(PAGE_WIDTH))];
    for (const [name, text] of entries) {
      const wrapped = wrapWords(text.split(' '), PAGE_WIDTH - NAME_WIDTH);
      wrapped.forEach((line, i) => {
        lines.push(
          `${i === 0 ? palette.bold(name.padEnd(NAME_WIDTH)) : ' '.repeat(NAME_WIDTH)}${line}`,
        );
      });
    }
    return lines;
  }

  #perModelStep(): string {
    if (this.#modelSteps === 0) return '0';
    return (this.#outputTokens / this.#modelSteps).toFixed(1);
  }
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${Math.round((part / whole) * 100)} %`;
}
