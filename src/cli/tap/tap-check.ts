/**
 * What is wrong with what went through the tap, measured by vLLM 0.33.0: fields that are missing, unknown or of another type,
 * the order of a start-up, and configuration hashes that differ. Pure; memory is bounded by the number of different faults.
 */
import type { Dissector } from '../../shared/tap/dissector.ts';
import type { RawFrame } from '../../shared/tap/raw-frame.ts';
import { VLLM_VERSION } from '../../shared/version.ts';

export interface Finding {
  /** Whose conversation it is in; null where that is no engine's in particular. */
  readonly engine: number | null;
  readonly type: string;
  readonly problem: string;
  /** Of the first frame that has it; null where it is about a frame that never came. */
  readonly seq: number | null;
  /** Frames that have it. */
  readonly count: number;
}

export interface Verdict {
  readonly vllm_version: string;
  readonly clean: boolean;
  readonly engines: number;
  readonly frames: number;
  /** Frames that could not be looked at: the verdict is not about them. */
  readonly frames_not_checked: number;
  readonly problems: readonly Finding[];
  /** Different problems beyond those in the list. */
  readonly problems_left_out: number;
}

/** Different problems that are kept. */
export const MAX_FINDINGS = 1_000;

interface EngineState {
  isGreeted: boolean;
  isAnswered: boolean;
  isReady: boolean;
  numReadyResponses: number;
  /** API servers in INIT. */
  numClients: number | null;
  isCoordinated: boolean;
  hash: string | null;
}

export class TapCheck {
  readonly #dissector: Dissector;
  readonly #engines = new Map<number, EngineState>();
  readonly #findings = new Map<string, { finding: Omit<Finding, 'count'>; count: number }>();
  #numLeftOut = 0;
  #numFrames = 0;

  constructor(dissector: Dissector) {
    this.#dissector = dissector;
  }

  /** Frames in order. The tap's second record of a message that it changed is the tap's own doing and is not judged. */
  add(frame: RawFrame): void {
    if (frame.socket_type === 'DEALER') return;
    this.#numFrames += 1;
    const { problems, message } = this.#dissector.dissect(frame);
    for (const problem of problems) this.#find(frame, problem);
    if (frame.socket === 'handshake' || frame.socket === 'input') this.#order(frame, message);
  }

  verdict(numLost: number): Verdict {
    const ends = this.#unfinished();
    const problems = [
      ...[...this.#findings.values()].map(({ finding, count }) => ({ ...finding, count })),
      ...ends,
    ];
    return {
      vllm_version: VLLM_VERSION,
      clean: problems.length === 0 && numLost === 0,
      engines: this.#engines.size,
      frames: this.#numFrames,
      frames_not_checked: numLost,
      problems,
      problems_left_out: this.#numLeftOut,
    };
  }

  #order(frame: RawFrame, message: unknown): void {
    const { type, peer } = frame;
    if (peer === null) {
      this.#find(frame, 'identity: expected two bytes, an engine index in little endian');
      return;
    }
    const engine = this.#engines.get(peer) ?? newEngine();
    if (type === 'HELLO') {
      this.#engines.set(peer, { ...newEngine(), isGreeted: true });
      return;
    }
    this.#engines.set(peer, engine);
    const expect = (isSo: boolean, problem: string): void => {
      if (!isSo) this.#find(frame, problem);
    };
    switch (type) {
      case 'INIT':
        expect(engine.isGreeted, 'before HELLO');
        expect(!engine.isAnswered, 'a second answer to one HELLO');
        engine.isAnswered = true;
        this.#readInit(engine, message);
        break;
      case 'EngineCoreReadyResponse':
        expect(engine.isAnswered, 'before INIT');
        engine.numReadyResponses += 1;
        break;
      case 'READY':
        expect(engine.isAnswered, 'before INIT');
        expect(!engine.isReady, 'said twice');
        engine.isReady = true;
        this.#readReady(frame, peer, engine, message);
        break;
      default:
        expect(engine.numReadyResponses > 0, "before the engine's ready response");
    }
  }

  #readInit(engine: EngineState, message: unknown): void {
    const { addresses, parallel_config: config } = objectOf(message);
    const { inputs } = objectOf(addresses);
    engine.numClients = Array.isArray(inputs) ? inputs.length : null;
    engine.isCoordinated = Object.keys(objectOf(config)).length > 0;
  }

  #readReady(frame: RawFrame, rank: number, engine: EngineState, message: unknown): void {
    const hash = objectOf(message)['parallel_config_hash'];
    engine.hash = typeof hash === 'string' ? hash : null;
    if (engine.isCoordinated && engine.hash === null)
      this.#find(frame, 'parallel_config_hash: missing, ranks of one model must agree on it');
    if (engine.hash === null) return;
    for (const [other, { hash: theirs }] of this.#engines) {
      if (other === rank || theirs === null || theirs === engine.hash) continue;
      this.#find(frame, `parallel_config_hash: not that of engine ${other}`);
    }
  }

  /** What never came. */
  #unfinished(): Finding[] {
    const none = { type: 'HELLO', seq: null, count: 1 };
    if (this.#engines.size === 0)
      return [{ ...none, engine: null, problem: 'no engine said HELLO' }];
    return [...this.#engines].flatMap(([engine, state]) => {
      const missing = (type: string, problem: string): Finding => ({
        ...none,
        engine,
        type,
        problem,
      });
      if (!state.isAnswered) return [missing('INIT', 'HELLO was never answered')];
      const found: Finding[] = [];
      if (state.numReadyResponses < (state.numClients ?? 1))
        found.push(
          missing(
            'EngineCoreReadyResponse',
            `sent to ${state.numReadyResponses} of ${state.numClients ?? 1} API servers`,
          ),
        );
      if (!state.isReady) found.push(missing('READY', 'never said'));
      return found;
    });
  }

  #find({ peer, type, seq }: RawFrame, problem: string): void {
    const key = `${peer} ${type} ${problem}`;
    const known = this.#findings.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#findings.size >= MAX_FINDINGS) this.#numLeftOut += 1;
    else this.#findings.set(key, { finding: { engine: peer, type, problem, seq }, count: 1 });
  }
}

function newEngine(): EngineState {
  return {
    isGreeted: false,
    isAnswered: false,
    isReady: false,
    numReadyResponses: 0,
    numClients: null,
    isCoordinated: false,
    hash: null,
  };
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
