/**
 * Deltas of text and token ids into events: the scanner parts tokens, the lexer texts, and a table of states says what
 * each part means. One per stream. Source: vllm/parser/engine/streaming_parser_engine.py (0.33.0). Leaves out: the
 * state of a message's header, which no format here has.
 */
import type { ParserTokenizer } from '../types.ts';
import type {
  EventType,
  ParserEngineConfig,
  ParserState,
  SemanticEvent,
  Transition,
} from './engine-config.ts';
import {
  CONTENT_TERMINAL,
  IncrementalLexer,
  LexerShape,
  type LexToken,
} from './incremental-lexer.ts';
import { JsonArguments } from './json-arguments.ts';
import { DROP_TERMINAL, type ScannedItem, TokenIdScanner } from './token-id-scanner.ts';

const TOOL_STATES: ReadonlySet<ParserState> = new Set([
  'toolPreamble',
  'toolName',
  'toolArgs',
  'toolBetween',
]);
const PLAIN_STATES: ReadonlySet<ParserState> = new Set(['content', 'reasoning']);
const REASONING_EVENTS: ReadonlySet<EventType> = new Set(['reasoningStart', 'reasoningEnd']);
const ARRAY_WHITESPACE = ' \t\r\n';

export class StreamingParserEngine {
  /** Markup of tools is text. */
  skipsTools = false;
  /** Markup of reasoning is text. */
  skipsReasoning = false;
  readonly #config: ParserEngineConfig;
  readonly #scanner: TokenIdScanner;
  readonly #lexer: IncrementalLexer;
  readonly #shape: LexerShape;
  /** Terminals that only count as tokens once there were token ids. */
  readonly #tokenTerminals: ReadonlySet<string>;
  readonly #toolTerminals: ReadonlySet<string>;
  readonly #toolExits: ReadonlySet<string>;
  readonly #reasoningMarkup: ReadonlySet<string>;
  readonly #hasDrops: boolean;
  readonly #args = new JsonArguments();
  #state: ParserState;
  #toolIndex = -1;
  #hadTokenIds = false;
  #numReasoningTokens = 0;
  #isInSkippedTool = false;
  #hasArrayBegun = false;
  #isInElement = false;

  constructor(config: ParserEngineConfig, tokenizer: ParserTokenizer) {
    this.#config = config;
    this.#state = config.initialState;
    const ids = new Map<number, string>();
    for (const [terminal, text] of Object.entries(config.tokenIdTerminals)) {
      const id = tokenizer.tokenId(text);
      if (id !== null) ids.set(id, terminal);
    }
    const literals: [string, string][] = Object.entries(config.terminals).flatMap(([name, texts]) =>
      texts.map((text): [string, string] => [text, name]),
    );
    const known = new Set([
      ...Object.values(config.tokenIdTerminals),
      ...literals.map(([text]) => text),
    ]);
    const drops = [...tokenizer.allSpecialTokens].filter(([text]) => !known.has(text));
    for (const [text, id] of drops) {
      ids.set(id, DROP_TERMINAL);
      literals.push([text, DROP_TERMINAL]);
    }
    this.#hasDrops = drops.length > 0;
    this.#scanner = new TokenIdScanner(ids, tokenizer);
    this.#shape = new LexerShape(literals);
    this.#lexer = new IncrementalLexer(this.#shape);
    this.#tokenTerminals = new Set(ids.values());
    const rows = transitionRows(config);
    this.#toolTerminals = terminalsOf(
      rows,
      (state, { next }) => TOOL_STATES.has(next) || TOOL_STATES.has(state),
    );
    this.#toolExits = terminalsOf(
      rows,
      (state, { next }) => TOOL_STATES.has(state) && !TOOL_STATES.has(next),
    );
    this.#reasoningMarkup = reasoningMarkup(rows);
  }

  get numReasoningTokens(): number {
    return this.#numReasoningTokens;
  }

  reset(initialState: ParserState | null): void {
    this.#state = initialState ?? this.#config.initialState;
    this.#toolIndex = -1;
    this.#hadTokenIds = false;
    this.#numReasoningTokens = 0;
    this.#isInSkippedTool = false;
    this.#scanner.reset();
    this.#lexer.reset();
    this.#args.reset();
    this.#resetArray();
  }

  #resetArray(): void {
    this.#hasArrayBegun = false;
    this.#isInElement = false;
  }

  feed(text: string, ids: readonly number[]): SemanticEvent[] {
    if (ids.length > 0) this.#hadTokenIds = true;
    const isPlain =
      text !== '' &&
      this.#lexer.isEmpty &&
      !this.#scanner.hasDeferred &&
      !this.#shape.mayBegin(text);
    if (isPlain && !this.#scanner.hasTerminal(ids))
      return this.#counted(this.#text(text, ids.length));
    return this.#counted(this.#items(this.#scanner.scan(text, ids)));
  }

  finish(): SemanticEvent[] {
    const events = this.#items(this.#scanner.flush());
    events.push(...this.#lexed(this.#lexer.flush()));
    events.push(...this.#argEvents(this.#args.take()));
    if (TOOL_STATES.has(this.#state)) {
      const isOpen = this.#config.toolCallBodyArray ? this.#isInElement : true;
      if (isOpen && this.#toolIndex >= 0) events.push(this.#event('toolCallEnd'));
      this.#state = 'content';
    } else if (this.#state === 'reasoning') {
      events.push(this.#event('reasoningEnd'));
      this.#state = 'content';
    }
    return this.#counted(events);
  }

  #counted(events: SemanticEvent[]): SemanticEvent[] {
    for (const { type, tokenCount } of events) {
      if (type === 'reasoning') this.#numReasoningTokens += tokenCount;
    }
    return events;
  }

  #event(type: EventType, value = '', tokenCount = 0): SemanticEvent {
    return { type, value, toolIndex: this.#toolIndex, tokenCount };
  }

  #items(items: readonly ScannedItem[]): SemanticEvent[] {
    const events: SemanticEvent[] = [];
    for (const item of items) {
      if (item.kind === 'terminal') {
        events.push(
          ...this.#lexed(this.#lexer.flush()),
          ...this.#onTerminal(item.terminal, item.text, 0),
        );
      } else if (item.text !== '') {
        events.push(...this.#lexed(this.#lexer.feed(item.text, item.tokenTexts, item.tokenCount)));
      } else if (item.tokenCount > 0) events.push(...this.#text('', item.tokenCount));
    }
    return events;
  }

  #lexed(tokens: readonly LexToken[]): SemanticEvent[] {
    return tokens.flatMap(({ terminal, value, tokenCount }) => {
      const isText =
        terminal === CONTENT_TERMINAL || (this.#hadTokenIds && this.#tokenTerminals.has(terminal));
      if (!isText) return this.#onTerminal(terminal, value, tokenCount);
      return value === '' ? [] : this.#text(value, tokenCount);
    });
  }

  #onTerminal(terminal: string, value: string, tokenCount: number): SemanticEvent[] {
    const transition = this.#config.transitions[this.#state]?.[terminal];
    if (transition === undefined) {
      if (this.#hasDrops && terminal === DROP_TERMINAL) return [];
      if (this.skipsTools && this.#toolExits.has(terminal)) this.#isInSkippedTool = false;
      return this.#text(value, tokenCount);
    }
    if (this.skipsReasoning && this.#reasoningMarkup.has(terminal))
      return this.#text(value, tokenCount);
    if (this.skipsTools && this.#toolTerminals.has(terminal)) {
      const skipped = this.#skipTool(terminal, transition, value);
      if (skipped !== null) return skipped;
    }
    return this.#apply(transition, value, tokenCount);
  }

  /** Null: the terminal closes something else than a tool here. */
  #skipTool(terminal: string, { next, events }: Transition, value: string): SemanticEvent[] | null {
    const isOpener = TOOL_STATES.has(next);
    const isExit = this.#toolExits.has(terminal);
    if (isExit && !isOpener && !this.#isInSkippedTool) return null;
    if (isOpener) this.#isInSkippedTool = true;
    else if (isExit) this.#isInSkippedTool = false;
    if (events.includes('reasoningEnd')) {
      this.#state = 'content';
      return [this.#event('reasoningEnd', value), this.#event('text', value)];
    }
    const type = this.#config.contentEvents[this.#state];
    return type === undefined ? [] : [this.#event(type, value)];
  }

  #apply(transition: Transition, value: string, tokenCount: number): SemanticEvent[] {
    const events: SemanticEvent[] = [];
    if (this.#state === 'toolArgs' && transition.next !== 'toolArgs') {
      events.push(...this.#argEvents(this.#args.take()));
    }
    this.#state = transition.next;
    for (const type of transition.events) {
      if (type === 'toolCallStart') this.#toolIndex += 1;
      if (type === 'text' && value === '') continue;
      events.push(this.#event(type, value, tokenCount));
    }
    if (this.#state === 'toolArgs') {
      this.#args.restart();
      if (this.#config.toolCallBodyArray) this.#resetArray();
    }
    return events;
  }

  #text(text: string, tokenCount: number): SemanticEvent[] {
    if (this.#state === 'toolArgs') {
      if (this.#config.toolCallBodyArray) return this.#arrayText(text);
      if (this.#config.toolArgsJson) return this.#jsonText(text);
      return [this.#event('argValue', text, tokenCount)];
    }
    const type = this.#config.contentEvents[this.#state];
    return type === undefined ? [] : [this.#event(type, text, tokenCount)];
  }

  #argEvents(value: string): SemanticEvent[] {
    return value === '' ? [] : [this.#event('argValue', value)];
  }

  #jsonText(text: string): SemanticEvent[] {
    let safe = '';
    const events: SemanticEvent[] = [];
    for (const char of text) {
      safe = this.#args.push(char);
      events.push(...this.#argEvents(safe));
    }
    return events;
  }

  /** A list of calls: each of its objects is one. */
  #arrayText(text: string): SemanticEvent[] {
    const events: SemanticEvent[] = [];
    for (let i = 0; i < text.length; i++) {
      if (this.#state !== 'toolArgs') {
        events.push(...this.#text(text.slice(i), 0));
        break;
      }
      events.push(...this.#arrayChar(text.charAt(i)));
    }
    return events;
  }

  #arrayChar(char: string): SemanticEvent[] {
    if (this.#isInElement) {
      const events = this.#argEvents(this.#args.push(char));
      if (char === '}' && this.#args.isBalanced) events.push(...this.#endElement());
      return events;
    }
    if (ARRAY_WHITESPACE.includes(char)) return [];
    if (!this.#hasArrayBegun) {
      if (char !== '[') return this.#bail(char);
      this.#hasArrayBegun = true;
      return [];
    }
    if (char === ',') return [];
    if (char === '{') return this.#beginElement(char);
    if (char !== ']') return this.#bail(char);
    this.#state = 'content';
    this.#resetArray();
    return [];
  }

  #beginElement(char: string): SemanticEvent[] {
    this.#toolIndex += 1;
    this.#args.reset();
    this.#isInElement = true;
    return [this.#event('toolCallStart'), ...this.#argEvents(this.#args.push(char))];
  }

  #endElement(): SemanticEvent[] {
    this.#isInElement = false;
    return [...this.#argEvents(this.#args.take()), this.#event('toolCallEnd')];
  }

  /** No list after all: text. */
  #bail(char: string): SemanticEvent[] {
    this.#state = 'content';
    this.#resetArray();
    return this.#text(char, 0);
  }
}

type Row = readonly [state: ParserState, terminal: string, transition: Transition];

function transitionRows({ transitions }: ParserEngineConfig): readonly Row[] {
  return Object.entries(transitions).flatMap(([state, byTerminal]) =>
    Object.entries(byTerminal).map(
      ([terminal, transition]): Row => [state as ParserState, terminal, transition],
    ),
  );
}

function terminalsOf(
  rows: readonly Row[],
  holds: (state: ParserState, transition: Transition) => boolean,
): ReadonlySet<string> {
  return new Set(
    rows
      .filter(([state, , transition]) => holds(state, transition))
      .map(([, terminal]) => terminal),
  );
}

/** Terminals of reasoning alone; none where one of them does something else as well. */
function reasoningMarkup(rows: readonly Row[]): ReadonlySet<string> {
  const markers = terminalsOf(
    rows,
    (state, { next }) => (state === 'reasoning' || next === 'reasoning') && !TOOL_STATES.has(next),
  );
  const isPure = rows
    .filter(([, terminal]) => markers.has(terminal))
    .every(
      ([state, , { next, events }]) =>
        PLAIN_STATES.has(state) &&
        PLAIN_STATES.has(next) &&
        events.every((type) => REASONING_EVENTS.has(type)),
    );
  return isPure ? markers : new Set();
}
