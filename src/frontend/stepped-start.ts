/**
 * `serve --handshake-step`: the start-up's frames go one at a time, by hand, and the port is open from the first moment on.
 * The whole of it for a server; what it needs of the launch and of HTTP is handed to them.
 */
import type { EngineArgs } from '../shared/config/registry.ts';
import { ConfigError } from '../shared/errors.ts';
import type { Logger } from '../shared/logger.ts';
import { WIRE_VERSIONS } from '../shared/protocol/versions/wire-versions.ts';
import { createStepWords } from '../shared/tap/step-words.ts';
import { stepTransport } from '../shared/tap/stepped-transport.ts';
import type { Transport } from '../shared/transport/transport.ts';
import { EarlyServer } from './http/early-server.ts';
import type { HttpEnv } from './http/http-env.ts';
import { readTlsSettings } from './http/tls-settings.ts';
import { HandshakeStepper } from './launch/handshake-stepper.ts';
import type { ParallelPlan } from './launch/parallel-plan.ts';
import { stepFromTerminal } from './launch/step-terminal.ts';
import { pageAddressOf } from './twin/page-address.ts';
import type { Twin } from './twin/twin-question.ts';

export interface SteppedStartOptions {
  readonly args: EngineArgs;
  readonly env: HttpEnv;
  readonly plan: ParallelPlan;
  readonly logger: Logger;
}

export class SteppedStart {
  readonly stepper = new HandshakeStepper();
  #early: EarlyServer | null = null;
  readonly #options: SteppedStartOptions;
  #leaveTerminal: () => void = () => {};

  /** Throws E_BAD_FLAG where a start-up cannot be held. */
  constructor(options: SteppedStartOptions) {
    const { plan } = options;
    if (plan.apiServerCount > 1) {
      throw new ConfigError(
        'E_BAD_FLAG',
        `--handshake-step: cannot be used with --api-server-count ${plan.apiServerCount}: one process holds the frames ` +
          'and has the port. Use --api-server-count 1',
      );
    }
    this.#options = options;
  }

  /** Null before `open`. */
  get early(): EarlyServer | null {
    return this.#early;
  }

  /** Opens the port; says on terminal and log how to go on. */
  async open(twin: Twin): Promise<void> {
    const { args, env, logger, plan } = this.#options;
    const describe = (): string => this.#describe();
    this.#early = new EarlyServer({ args, env, tls: readTlsSettings(args), twin, describe });
    const { address } = await this.#early.listen();
    const page = pageAddressOf(address, args.rootPath);
    const enter = process.stdin.isTTY ? 'with Enter here, ' : '';
    logger.info(
      `The start-up is held, frame by frame: next ${enter}at ${page}, or with POST ${page}/api/handshake/next`,
    );
    const strangers = plan.enginesToHandshake.filter(({ index }) => !this.#isOwn(index));
    if (strangers.length > 0) {
      logger.info(
        `Frames of ${strangers.length} engine(s) that this server does not start are held when they arrive: ` +
          'their own deadlines go on meanwhile',
      );
    }
    this.#leaveTerminal = stepFromTerminal(this.stepper, process, logger);
  }

  /** Holds what this process sends, and what engines send that it did not start. */
  step(transport: Transport): Transport {
    const words = createStepWords(
      { process: 'frontend' },
      WIRE_VERSIONS[this.#options.args.vllmVersion],
    );
    const holdsFrom = (rank: number): boolean => !this.#isOwn(rank);
    return stepTransport(transport, { gate: this.stepper, words, holdsFrom });
  }

  /** All has been said: nothing is held from now on, and the whole server answers. */
  async finish(): Promise<void> {
    await this.stepper.settled();
    this.stepper.finish();
    this.#leaveTerminal();
    this.#early?.open();
  }

  /** Forgets what is held, so that nothing waits for it. Idempotent. */
  abandon(): void {
    this.stepper.abandon();
    this.#leaveTerminal();
  }

  #isOwn(rank: number): boolean {
    return this.#options.plan.engineRanksStarted.includes(rank);
  }

  #describe(): string {
    const { held = [], num_released = 0 } = this.stepper.state ?? {};
    return (
      `The server is starting, frame by frame (--handshake-step): ${num_released} went by, ${held.length} held. ` +
      'The next one goes with Next at /twin, or with POST /twin/api/handshake/next'
    );
  }
}
