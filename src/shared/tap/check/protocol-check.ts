/**
 * Judges frames by vLLM's protocol: the fields of each message, the order of the handshake, requests and answers, waves and
 * events. Each process's record is judged by itself, so recordings of one side are enough and those of both do no harm.
 * Pure; memory is bounded, whatever the number of frames.
 */

import { releaseOf } from '../../protocol/versions/known-version.ts';
import type { WireVersion } from '../../protocol/wire-version.ts';
import type { Dissector, FramePlace } from '../dissector.ts';
import { createFollowingDissector } from '../following-dissector.ts';
import { engineOf, rankOfProcess } from '../frame-pairing.ts';
import { FrameVersions } from '../frame-versions.ts';
import type { RawFrame } from '../raw-frame.ts';
import { ConfigHashes, type Fields, fieldsOf } from './handshake-check.ts';
import { MessageCheck } from './message-check.ts';
import { Observer, type SeenEngine } from './observer.ts';
import { ProblemLog, type ProblemPlace } from './problem-log.ts';
import type { CheckedEngine, Verdict } from './verdict.ts';

/** Processes of a recording that are told apart. */
const MAX_OBSERVERS = 4_096;

export class ProtocolCheck {
  readonly #dissector: Dissector;
  readonly #versions: FrameVersions;
  readonly #log = new ProblemLog();
  readonly #messages = new MessageCheck(this.#log);
  readonly #hashes = new ConfigHashes();
  readonly #observers = new Map<string, Observer>();
  #numFrames = 0;

  /**
   * `version` null: each engine's frames are checked as of the version that it names, where that is a known one;
   * `otherwise` where it names none, default ours.
   */
  constructor(version: WireVersion | null, otherwise?: WireVersion) {
    this.#versions = new FrameVersions(version, otherwise);
    this.#dissector = createFollowingDissector(this.#versions);
  }

  /**
   * The next frame of the recording; those of one process come in order of their `seq`. `run` tells processes of one name
   * apart, which only a recording of several servers has.
   */
  add(
    frame: RawFrame,
    { process, run = process }: Pick<FramePlace, 'process'> & { readonly run?: string },
  ): void {
    this.#numFrames += 1;
    const engine = engineOf({ process, peer: frame.peer });
    const place = { process, seq: frame.seq, engine };
    const observer = this.#observer(process, run, frame.seq);
    const numMissing = observer.advance(frame.seq);
    if (numMissing > 0)
      this.#log.add('recording.gap', place, `${numMissing} frames of ${process} are missing`);
    const dissection = this.#dissector.dissect(frame);
    this.#messages.add(frame, dissection, place);
    const message = fieldsOf(dissection.message);
    if (frame.socket === 'kv_events') this.#addEvents(frame, message, observer, place);
    else if (frame.socket === 'frontend_stats_publish') this.#addWave(message, observer, place);
    else if (engine !== null) this.#addOfEngine(frame, message, observer, { ...place, engine });
    else if (frame.socket === 'handshake' && frame.identity !== null)
      this.#checkIdentity(frame, place);
  }

  /** What is said of all frames so far. */
  verdict(): Verdict {
    const observers = [...this.#observers.values()];
    for (const observer of observers) this.#checkEnd(observer);
    return {
      verdict: this.#word(),
      vllm_version: this.#versions.text,
      checked: {
        frames: this.#numFrames,
        processes: [...new Set(observers.map(({ process }) => process))],
        engines: this.#engines(),
        messages: this.#messages.messages(),
      },
      problems: this.#log.list(),
      num_left_out: this.#log.numLeftOut,
    };
  }

  #word(): Verdict['verdict'] {
    if (this.#numFrames === 0) return 'nothing';
    return this.#log.hasErrors ? 'broken' : 'ok';
  }

  /** A process that counts from 1 again is another one of the same name. */
  #observer(process: string, run: string, seq: number): Observer {
    const known = this.#observers.get(run);
    if (known !== undefined && known.lastSeq < seq) return known;
    if (known !== undefined) this.#checkEnd(known);
    const made = new Observer(process, this.#log, this.#hashes);
    if (this.#observers.size < MAX_OBSERVERS || known !== undefined) this.#observers.set(run, made);
    return made;
  }

  #addOfEngine(
    frame: RawFrame,
    message: Fields,
    observer: Observer,
    place: ProblemPlace & { readonly engine: number },
  ): void {
    const seen = observer.engine(place.engine);
    switch (frame.socket) {
      case 'handshake':
        this.#checkIdentity(frame, place);
        if (frame.type !== 'UNKNOWN') seen.handshake(frame.address).add(frame.type, message, place);
        break;
      case 'input':
        this.#checkIdentity(frame, place);
        this.#addInput(frame, message, seen, place, observer.isWhole);
        break;
      case 'output':
        this.#addOutput(frame, message, observer, place);
        break;
      default:
    }
  }

  #addInput(
    frame: RawFrame,
    message: Fields,
    seen: SeenEngine,
    place: ProblemPlace & { readonly engine: number },
    isWhole: boolean,
  ): void {
    const { type, address } = frame;
    const { requests, readySockets } = seen;
    if (type === 'EngineCoreReadyResponse') {
      if (readySockets.has(address))
        this.#log.add('ready.once', place, 'EngineCoreReadyResponse a second time');
      readySockets.add(address);
      this.#addReadyResponse(message, seen, place, this.#versions.of(frame).vllmVersion);
      return;
    }
    if (isWhole && !readySockets.has(address))
      this.#log.add('request.early', place, `${type} before EngineCoreReadyResponse`);
    if (seen.saidHello && seen.state !== 'READY')
      this.#log.add('request.before-ready', place, `${type} for an engine that is ${seen.state}`);
    const client = message['client_index'];
    if (typeof client === 'number' && seen.numClients !== null)
      if (client < 0 || client >= seen.numClients)
        this.#log.add(
          'request.client',
          place,
          `${type} with client_index ${client}, INIT with ${seen.numClients} outputs`,
        );
    requests.add(type, message, place, isWhole);
  }

  /** An engine's first word on an input socket. */
  #addReadyResponse(
    message: Fields,
    { saidHello, state }: SeenEngine,
    place: ProblemPlace & { readonly engine: number },
    checkedAs: string,
  ): void {
    const { data_parallel_rank: rank, vllm_version: version } = message;
    if (saidHello && state === 'NEW')
      this.#log.add('ready.order', place, 'EngineCoreReadyResponse before INIT');
    if (typeof rank === 'number' && rank !== place.engine)
      this.#log.add(
        'ready.rank',
        place,
        `data_parallel_rank ${rank}, but the identity is of engine ${place.engine}`,
      );
    if (typeof version === 'string' && releaseOf(version) !== checkedAs)
      this.#log.add('ready.version', place, `vllm_version ${version}, checked as ${checkedAs}`);
  }

  #addOutput(
    frame: RawFrame,
    message: Fields,
    observer: Observer,
    place: ProblemPlace & { readonly engine: number },
  ): void {
    if (frame.type === 'ENGINE_CORE_DEAD') {
      this.#log.add('engine.dead', place, 'ENGINE_CORE_DEAD');
      return;
    }
    const said = message['engine_index'];
    const rank = rankOfProcess(place.process);
    if (rank !== null && typeof said === 'number' && said !== rank)
      this.#log.add('outputs.engine', place, `engine_index ${said}, sent by engine ${rank}`);
    // What comes on a PULL names its sender itself.
    if (rank === null && observer.isWhole && !observer.engines.has(place.engine))
      this.#log.add('outputs.engine', place, `engine_index ${place.engine}, an engine never seen`);
    observer.engine(place.engine).requests.add(frame.type, message, place, observer.isWhole);
  }

  #checkIdentity({ identity }: RawFrame, place: ProblemPlace): void {
    if (identity === null || identity.length === 4) return;
    const bytes = identity.length / 2;
    this.#log.add('handshake.identity', place, `an identity of ${bytes} bytes: ${identity}`);
  }

  #addEvents(frame: RawFrame, message: Fields, observer: Observer, place: ProblemPlace): void {
    const { seq } = message;
    if (frame.type !== 'KV_EVENT' || typeof seq !== 'number') return;
    const last = observer.lastEventSeq.get(frame.address);
    observer.lastEventSeq.set(frame.address, seq);
    if (last !== undefined && observer.isWhole && seq !== last + 1)
      this.#log.add('kv-events.seq', place, `batch ${seq} behind batch ${last}`);
  }

  #addWave(message: Fields, observer: Observer, place: ProblemPlace): void {
    const wave = message['current_wave'];
    if (typeof wave !== 'number') return;
    if (observer.lastWave !== null && wave < observer.lastWave)
      this.#log.add('wave.backwards', place, `current_wave ${wave} behind ${observer.lastWave}`);
    observer.lastWave = wave;
  }

  #checkEnd(observer: Observer): void {
    const { process } = observer;
    for (const [engine, seen] of observer.engines) {
      if (!seen.saidHello || seen.state === 'READY') continue;
      const place = { process, seq: observer.lastSeq, engine };
      this.#log.add('handshake.unfinished', place, `engine ${engine} is ${seen.state} at the end`);
    }
  }

  #engines(): readonly CheckedEngine[] {
    const states = new Map<number, CheckedEngine['state']>();
    for (const { engines } of this.#observers.values())
      for (const [engine, { saidHello, state }] of engines)
        states.set(engine, saidHello ? state : (states.get(engine) ?? null));
    return [...states]
      .sort(([a], [b]) => a - b)
      .map(([engine, state]) => ({
        engine,
        state,
        parallel_config_hash: this.#hashes.of(engine),
      }));
  }
}
