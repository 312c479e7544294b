/**
 * The handshake of one engine with one frontend as one process sees it: HELLO, INIT, READY.
 * Source: vllm/v1/engine/utils.py wait_for_engine_startup (0.33.0).
 */
import type { FrameType } from '../frame-type.ts';
import type { ProblemLog, ProblemPlace } from './problem-log.ts';

export type HandshakeState = 'NEW' | 'CONNECTED' | 'READY';
export type Fields = Readonly<Record<string, unknown>>;

/** What all ranks of a model must agree on, whoever saw it. */
export class ConfigHashes {
  readonly #byEngine = new Map<number, string>();

  /** An engine begins again where its READY has been seen: a new run. */
  begin(engine: number): void {
    if (this.#byEngine.has(engine)) this.#byEngine.clear();
  }

  /** Another rank's hash that differs; null where all are the same. */
  differing(engine: number, hash: string): readonly [number, string] | null {
    const other = [...this.#byEngine].find(([rank, known]) => rank !== engine && known !== hash);
    this.#byEngine.set(engine, hash);
    return other ?? null;
  }

  of(engine: number): string | null {
    return this.#byEngine.get(engine) ?? null;
  }
}

export class HandshakeCheck {
  readonly #log: ProblemLog;
  readonly #hashes: ConfigHashes;
  state: HandshakeState = 'NEW';
  /** The recording shows the engine's start from its first word on. */
  saidHello = false;
  #hello: Fields = {};
  #wasInitSent = false;
  #isCoordinated = false;
  /** Places in the outputs of INIT; null where INIT was not seen. */
  numClients: number | null = null;

  constructor(log: ProblemLog, hashes: ConfigHashes) {
    this.#log = log;
    this.#hashes = hashes;
  }

  add(type: FrameType, message: Fields, place: ProblemPlace & { readonly engine: number }): void {
    if (type === 'HELLO') this.#addHello(message, place);
    else if (type === 'INIT') this.#addInit(message, place);
    else this.#addReady(message, place);
  }

  #addHello(message: Fields, place: ProblemPlace & { readonly engine: number }): void {
    if (this.saidHello)
      this.#log.add('handshake.hello', place, `HELLO of an engine that is ${this.state}`);
    this.saidHello = true;
    this.#hello = message;
    this.#hashes.begin(place.engine);
    this.#checkFlags(message, place);
  }

  #addInit(message: Fields, place: ProblemPlace & { readonly engine: number }): void {
    if (!this.saidHello) this.#log.add('handshake.init', place, 'INIT for an engine without HELLO');
    else if (this.#wasInitSent) this.#log.add('handshake.init', place, 'INIT a second time');
    this.#wasInitSent = true;
    if (this.state === 'NEW') this.state = 'CONNECTED';
    const config = fieldsOf(message['parallel_config']);
    this.#isCoordinated = Object.keys(config).length > 0;
    const size = config['data_parallel_size'];
    if (typeof size === 'number' && place.engine >= size)
      this.#log.add(
        'handshake.rank',
        place,
        `engine ${place.engine}, but data_parallel_size is ${size}`,
      );
    this.#checkAddresses(fieldsOf(message['addresses']), place);
  }

  #checkAddresses(addresses: Fields, place: ProblemPlace): void {
    const numInputs = lengthOf(addresses['inputs']);
    const numOutputs = lengthOf(addresses['outputs']);
    this.numClients = numOutputs;
    if (numInputs === 0 || numInputs !== numOutputs)
      this.#log.add(
        'handshake.addresses',
        place,
        `INIT with ${numInputs} inputs and ${numOutputs} outputs`,
      );
    const { coordinator_input: input = null, coordinator_output: output = null } = addresses;
    if ((input === null) !== (output === null))
      this.#log.add(
        'handshake.addresses',
        place,
        `INIT with coordinator_${input === null ? 'output' : 'input'} alone`,
      );
  }

  #addReady(message: Fields, place: ProblemPlace & { readonly engine: number }): void {
    if (this.state !== 'CONNECTED')
      this.#log.add('handshake.ready', place, `READY of an engine that is ${this.state}`);
    this.state = 'READY';
    this.#checkFlags(message, place);
    for (const flag of ['local', 'headless']) {
      const said = this.#hello[flag];
      if (said !== undefined && message[flag] !== undefined && said !== message[flag])
        this.#log.add(
          'handshake.flags',
          place,
          `READY with ${flag} ${String(message[flag])}, HELLO with ${String(said)}`,
        );
    }
    this.#checkHash(message['parallel_config_hash'], place);
  }

  #checkFlags({ local, headless }: Fields, place: ProblemPlace): void {
    if (local === true && headless === true)
      this.#log.add('handshake.headless', place, 'local and headless at the same time');
  }

  #checkHash(hash: unknown, place: ProblemPlace & { readonly engine: number }): void {
    if (typeof hash !== 'string') {
      if (this.#isCoordinated)
        this.#log.add('handshake.config-hash', place, 'READY without parallel_config_hash');
      return;
    }
    const other = this.#hashes.differing(place.engine, hash);
    // Ranks that are not coordinated may differ: nobody compares them.
    if (other === null || !this.#isCoordinated) return;
    this.#log.add(
      'handshake.config-hash',
      place,
      `parallel_config_hash ${hash} of engine ${place.engine}, ${other[1]} of engine ${other[0]}`,
    );
  }
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : {};
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}
