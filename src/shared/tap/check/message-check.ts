/** Each message by itself: its fields against the tables, its parts against what its type has. */
import type { Dissection } from '../dissector.ts';
import type { WalkedField } from '../field-walk.ts';
import type { FrameType } from '../frame-type.ts';
import type { RawFrame } from '../raw-frame.ts';
import type { ProblemLog, ProblemPlace } from './problem-log.ts';
import type { RuleId } from './rules.ts';
import type { CheckedMessage } from './verdict.ts';

/** Parts of a message without the identity: at least, at most. Messages with arrays have parts behind them. */
const NUM_PARTS: Partial<Readonly<Record<FrameType, readonly [number, number]>>> = {
  HELLO: [1, 1],
  INIT: [1, 1],
  READY: [1, 1],
  EngineCoreReadyResponse: [1, 1],
  ABORT: [2, 2],
  ADD: [2, Number.POSITIVE_INFINITY],
  UTILITY: [2, Number.POSITIVE_INFINITY],
  START_DP_WAVE: [2, 2],
  COUNTS: [1, 1],
  SCALE_ELASTIC_EP: [1, 1],
  FIRST_REQ: [1, 1],
  KV_EVENT: [3, 3],
};

/**
 * What READY has more with --enable-elastic-ep.
 * Source: vllm/v1/engine/core.py EngineCoreProc._perform_handshake (0.33.0).
 */
const ELASTIC_READY_FIELDS: ReadonlySet<string> = new Set([
  'coord_store_port',
  'elastic_ep_max_dp_size',
  'num_redundant_experts',
]);

/** Kinds of messages that are counted apart; engines beyond are not. */
const MAX_MESSAGE_KINDS = 10_000;

interface Counted {
  readonly engine: number | null;
  readonly type: FrameType;
  struct: string | null;
  frames: number;
  fields: readonly string[];
  readonly present: Set<string>;
  readonly missing: Set<string>;
  readonly extra: Set<string>;
  readonly wrongType: Set<string>;
}

export class MessageCheck {
  readonly #log: ProblemLog;
  readonly #counted = new Map<string, Counted>();

  constructor(log: ProblemLog) {
    this.#log = log;
  }

  add(frame: RawFrame, dissection: Dissection, place: ProblemPlace): void {
    const { type, parts } = frame;
    const counted = this.#countedFor(type, place.engine);
    counted.frames += 1;
    if (type === 'UNKNOWN') {
      this.#log.add('message.unknown', place, `a frame on ${frame.socket} that is no message`);
      return;
    }
    const [min, max] = NUM_PARTS[type] ?? [1, Number.POSITIVE_INFINITY];
    if (parts.length < min || parts.length > max) {
      const expected = min === max ? `${min}` : `at least ${min}`;
      this.#log.add(
        'message.parts',
        place,
        `${type}: expected ${expected} parts, got ${parts.length}`,
      );
    }
    this.#addFields(dissection, counted, place);
  }

  messages(): readonly CheckedMessage[] {
    return [...this.#counted.values()]
      .sort((a, b) => (a.engine ?? -1) - (b.engine ?? -1))
      .map((counted) => ({
        engine: counted.engine,
        type: counted.type,
        struct: counted.struct,
        frames: counted.frames,
        fields: counted.fields,
        present: counted.fields.filter((name) => counted.present.has(name)),
        missing: [...counted.missing],
        extra: [...counted.extra],
        wrong_type: [...counted.wrongType],
      }));
  }

  #addFields(
    { struct, fields, problems }: Dissection,
    counted: Counted,
    place: ProblemPlace,
  ): void {
    const issues = fields.flatMap((field) => issuesOf(field, struct ?? counted.type));
    const told = new Set(issues.map(({ path, problem }) => `${path}: ${problem}`));
    for (const { rule, path, name, problem } of issues) {
      if (counted.type === 'READY' && rule === 'field.unknown' && ELASTIC_READY_FIELDS.has(name))
        continue;
      this.#log.add(rule, place, `${counted.type}: ${path}: ${problem}`);
      if (rule === 'field.missing') note(counted.missing, path);
      else if (rule === 'field.unknown') note(counted.extra, path);
      else note(counted.wrongType, path);
    }
    for (const problem of problems) {
      if (told.has(problem)) continue;
      const isWhole = struct !== null || fields.some(({ name }) => name === 'request_ids');
      this.#log.add(isWhole ? 'message.trailing' : 'message.unreadable', place, problem);
    }
    if (struct === null) return;
    counted.struct = struct;
    for (const { name, bytes, problem } of fields)
      if (bytes !== null && !isUnknown(problem)) note(counted.present, name);
    counted.fields = fields.filter(({ problem }) => !isUnknown(problem)).map(({ name }) => name);
  }

  #countedFor(type: FrameType, engine: number | null): Counted {
    const key = `${type} ${engine ?? ''}`;
    const known = this.#counted.get(key);
    if (known !== undefined) return known;
    const made: Counted = {
      engine,
      type,
      struct: null,
      frames: 0,
      fields: [],
      present: new Set(),
      missing: new Set(),
      extra: new Set(),
      wrongType: new Set(),
    };
    if (this.#counted.size < MAX_MESSAGE_KINDS) this.#counted.set(key, made);
    return made;
  }
}

/** Names of one kind of message that are kept of what is wrong with it. */
const MAX_NAMES = 200;

function note(names: Set<string>, name: string): void {
  if (names.size < MAX_NAMES) names.add(name);
}

interface Issue {
  readonly rule: RuleId;
  /** `EngineCoreRequest.sampling_params.n`. */
  readonly path: string;
  readonly name: string;
  readonly problem: string;
}

function issuesOf(field: WalkedField, above: string): readonly Issue[] {
  const { name, problem } = field;
  const path = name.startsWith('[') ? `${above}${name}` : `${above}.${name}`;
  const own = problem === null ? [] : [{ rule: ruleOf(problem), path, name, problem }];
  return [...own, ...(field.fields ?? []).flatMap((inner) => issuesOf(inner, path))];
}

function ruleOf(problem: string): RuleId {
  if (problem.startsWith('missing:')) return 'field.missing';
  if (isUnknown(problem)) return 'field.unknown';
  return problem === 'there twice' ? 'field.twice' : 'field.type';
}

function isUnknown(problem: string | null): boolean {
  return problem?.startsWith('unknown:') ?? false;
}
