/**
 * What `thinking: disabled` asks a chat template for: `none`, or `low` where the template refuses `none` or thinks all the
 * same. Source: vllm/entrypoints/anthropic/serving.py DisabledThinkingEffortResolver (0.33.0).
 */
import type { ChatCompletionRequest } from '../chat/request.ts';
import { type Later, whenHere } from '../later.ts';
import type { OnlineRenderer } from '../renderer.ts';
import type { RequestParser } from '../request-parser.ts';
import type { CountTokensRequest } from './request.ts';

const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'];

export class ThinkingEffort {
  readonly #renderer: OnlineRenderer;
  readonly #parser: RequestParser;
  /** Null until it was asked for. */
  #effort: string | null;

  /** `effort`: `--anthropic-disabled-thinking-effort`. */
  constructor(renderer: OnlineRenderer, parser: RequestParser, effort: string) {
    this.#renderer = renderer;
    this.#parser = parser;
    this.#effort = effort === 'auto' ? null : effort;
  }

  resolveFor({ thinking }: CountTokensRequest): Later<string> {
    if (thinking?.type !== 'disabled') return 'none';
    if (this.#effort !== null) return this.#effort;
    return whenHere(this.#probe(), (effort) => {
      this.#effort = effort;
      return effort;
    });
  }

  #probe(): Later<string> {
    return whenHere(this.#render('none'), (none) =>
      none === null ? 'low' : this.#compare(none, 0),
    );
  }

  #compare(none: string, from: number): Later<string> {
    const effort = EFFORTS[from];
    if (effort === undefined) return 'none';
    return whenHere(this.#render(effort), (text) =>
      text === none ? 'low' : this.#compare(none, from + 1),
    );
  }

  /** Null where the template refuses. */
  #render(effort: string): Later<string | null> {
    const request = this.#parser.check('chat-completion-request', {
      messages: [{ role: 'user', content: 'Hi' }],
    });
    const asked: ChatCompletionRequest = { ...request, reasoning_effort: effort };
    try {
      const rendered = this.#renderer.renderChatCompletion(asked, null);
      if (!(rendered instanceof Promise)) return rendered.text;
      return rendered.then(
        ({ text }) => text,
        () => null,
      );
    } catch {
      return null;
    }
  }
}
