/**
 * A format of reasoning and tool calls as a table: texts that part the output, states, and what a text does in a state.
 * Source: vllm/parser/engine/parser_engine_config.py, events.py (0.33.0).
 */

export type ParserState =
  | 'content'
  | 'reasoning'
  | 'toolPreamble'
  | 'toolName'
  | 'toolArgs'
  | 'toolBetween';

export type EventType =
  | 'text'
  | 'reasoningStart'
  | 'reasoning'
  | 'reasoningEnd'
  | 'toolCallStart'
  | 'toolName'
  | 'argValue'
  | 'toolCallEnd';

export interface SemanticEvent {
  readonly type: EventType;
  readonly value: string;
  readonly toolIndex: number;
  /** Tokens that the value began with or held. */
  readonly tokenCount: number;
}

export interface Transition {
  readonly next: ParserState;
  readonly events: readonly EventType[];
}

/** By state, then by the terminal's name. */
export type Transitions = Partial<Record<ParserState, Readonly<Record<string, Transition>>>>;

/** JSON text that a delta adds to the value that is open; null: the delta may do more than that. */
export type ArgValueExtender = (delta: string) => string | null;

export interface ParserEngineConfig {
  readonly initialState: ParserState;
  /** Null: where the initial state is reasoning. */
  readonly waitForReasoning: boolean | null;
  /** Each terminal's spellings, the usual one first. */
  readonly terminals: Readonly<Record<string, readonly string[]>>;
  /** Terminals that are a token of their own where the vocabulary has it. */
  readonly tokenIdTerminals: Readonly<Record<string, string>>;
  readonly transitions: Transitions;
  /** What text is, by state; a state that is missing drops it. */
  readonly contentEvents: Partial<Record<ParserState, EventType>>;
  /** Raw arguments to JSON; null: they are JSON. Throws where they cannot be read. */
  readonly argConverter: ((raw: string, isPartial: boolean) => string) | null;
  readonly argStructuralChars: ReadonlySet<string> | null;
  readonly argValueExtender: ((raw: string) => ArgValueExtender | null) | null;
  /** Arguments are JSON: their last brace is held back until it is sure to be theirs. */
  readonly toolArgsJson: boolean;
  /** One list of calls instead of calls one by one. */
  readonly toolCallBodyArray: boolean;
  /** Special tokens between turns of a prompt. */
  readonly turnBoundaryTokens: readonly string[];
  readonly stripTrailingReasoningWhitespace: boolean;
  readonly dropWhitespaceOnlyContentBeforeTools: boolean;
  readonly stripContentWhitespaceWithTools: boolean;
  /** Calls of tools that the request does not have are dropped. */
  readonly validateToolNames: boolean;
}

const DEFAULTS = {
  initialState: 'content',
  waitForReasoning: null,
  tokenIdTerminals: {},
  contentEvents: {
    content: 'text',
    reasoning: 'reasoning',
    toolName: 'toolName',
    toolArgs: 'argValue',
  },
  argConverter: null,
  argStructuralChars: null,
  argValueExtender: null,
  toolArgsJson: true,
  toolCallBodyArray: false,
  turnBoundaryTokens: [],
  stripTrailingReasoningWhitespace: true,
  dropWhitespaceOnlyContentBeforeTools: true,
  stripContentWhitespaceWithTools: true,
  validateToolNames: false,
} as const satisfies Partial<ParserEngineConfig>;

export function engineConfig(
  own: Partial<ParserEngineConfig> & Pick<ParserEngineConfig, 'terminals' | 'transitions'>,
): ParserEngineConfig {
  return { ...DEFAULTS, ...own };
}

export function to(next: ParserState, ...events: readonly EventType[]): Transition {
  return { next, events };
}

/** The same transition for several terminals. */
export function alike(
  terminals: readonly string[],
  transition: Transition,
): Record<string, Transition> {
  return Object.fromEntries(terminals.map((terminal) => [terminal, transition]));
}

/** Terminals with one spelling each. */
export function spelled(
  terminals: Readonly<Record<string, string>>,
): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(terminals).map(([name, text]) => [name, [text]]));
}
