/**
 * Several API server processes on one port: started with node:cluster, which lets all of them accept from one socket.
 * The first of them that dies ends the server, as with vLLM.
 * Source: vllm/v1/utils.py APIServerProcessManager, wait_for_completion_or_failure (0.33.0).
 */
import cluster, { type Worker } from 'node:cluster';
import type { EngineArgs } from '../../shared/config/registry.ts';
import { Deferred } from '../../shared/deferred.ts';
import { ERRORS, type ErrorCode, ServerError, StartupError } from '../../shared/errors.ts';
import { Inquiries } from '../../shared/inquiries.ts';
import { ownProgram } from '../../shared/own-files.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { EngineCoreReadyResponse } from '../../shared/protocol/ready-response.ts';
import type { ProcessFrames } from '../../shared/tap/process-frames.ts';
import type { ClientAddresses } from '../engine-client/multi-process-client.ts';
import type { ReadyEngines } from '../engine-client/ready-engines.ts';
import type { FaultRecord } from '../faults/fault-desk.ts';
import { type ChildExit, describeExit, pythonExitCode, STOP_GRACE_MS } from '../launch/child.ts';
import type { EngineLoad } from '../metrics/engine-load.ts';
import { ENDING_METHOD } from '../twin/engine-inquiry.ts';
import type { Twin } from '../twin/twin-question.ts';
import { apiServerName } from './api-server-name.ts';
import type {
  ApiServerConfig,
  FromApiServer,
  ToApiServer,
  TwinInquiry,
  TwinReport,
} from './messages.ts';
import type { EngineDeath, Serving } from './serving.ts';
import { SnapshotGathering } from './snapshot-gathering.ts';

export interface ApiServerProcessesOptions {
  readonly args: EngineArgs;
  readonly count: number;
  readonly addressesOf: (clientIndex: number) => ClientAddresses;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Goes with this process, whoever notices its end. */
  readonly privateDirectory: string;
  /** The order in which engines report is a scenario's, not chance. */
  readonly ordersReports: boolean;
  /** Called once all API servers have answered the running requests. */
  readonly onEngineDead: (death: EngineDeath) => void;
  /** Called for the first API server that ends unasked. */
  readonly onFall: (what: string) => void;
  /** What is below /twin, whichever server is asked. */
  readonly twin: Twin;
}

interface ApiServerProcess {
  readonly worker: Worker;
  readonly exited: Promise<void>;
  readonly bound: Promise<ClientAddresses>;
  readonly listening: Promise<string>;
}

export class ApiServerProcesses implements Serving {
  readonly clientAddresses: Promise<readonly ClientAddresses[]>;
  readonly #options: ApiServerProcessesOptions;
  readonly #servers: readonly ApiServerProcess[];
  readonly #gathering: SnapshotGathering;
  readonly #deaths: (EngineDeath | null)[];
  #closing: Promise<void> | null = null;
  #numListening = 0;
  /** The server through which engines are called. */
  #caller = 0;
  #engines: ReadyEngines = new Map();
  readonly #inquiries: readonly Inquiries<TwinInquiry, TwinReport>[];
  readonly frameSources: Serving['frameSources'];
  #isStarted = false;

  constructor(options: ApiServerProcessesOptions) {
    this.#options = options;
    // All accept from one socket, as vLLM's: one that hangs takes no connection that another would answer.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({
      exec: ownProgram('frontend/api-server/main'),
      // Numbers of metrics may be Infinity, which JSON has not.
      serialization: 'advanced',
      // Through this process: what Node says of a primary that is gone has no reader then.
      silent: true,
    });
    this.#deaths = Array.from({ length: options.count }, () => null);
    this.#gathering = new SnapshotGathering({
      clientCount: options.count,
      ask: (index, requestId) => this.#tell(index, { type: 'snapshot-request', requestId }),
      answer: (index, requestId, snapshots) =>
        this.#tell(index, { type: 'snapshots', requestId, snapshots }),
    });
    this.#servers = Array.from({ length: options.count }, (_, index) => this.#start(index));
    this.#inquiries = this.#servers.map(
      (_, index) =>
        new Inquiries((id, inquiry) => this.#tell(index, { type: 'twin-inquiry', id, inquiry })),
    );
    this.frameSources = this.#inquiries.map((inquiries, index) => async (sinceSeq) => {
      const report = await inquiries.ask({
        want: 'frames',
        sinceSeq: sinceSeq(apiServerName(index)),
      });
      return report?.isOk === true ? (report.value as ProcessFrames) : null;
    });
    this.clientAddresses = Promise.all(this.#servers.map(({ bound }) => bound));
    this.clientAddresses.catch(() => {});
  }

  get engines(): ReadyEngines {
    return this.#engines;
  }

  async start(statsAddress: Promise<string | null>): Promise<string> {
    const listening = Promise.all(this.#servers.map(({ listening }) => listening));
    listening.catch(() => {});
    // A process that has not bound its sockets does not listen to this one yet.
    await this.clientAddresses;
    this.#tellAll({ type: 'coordinator', statsAddress: await statsAddress });
    const [address = ''] = await listening;
    this.#isStarted = true;
    return address;
  }

  describeMissing(): string {
    const numMissing = this.#servers.length - this.#numListening;
    return numMissing === 0 ? '' : `${numMissing} of ${this.#servers.length} API servers not ready`;
  }

  markEngineDead(rank: EngineIndex, reason: string): void {
    this.#tellAll({ type: 'engine-dead', rank, reason });
  }

  readyResponse(rank: EngineIndex): EngineCoreReadyResponse | null {
    return this.#engines.get(rank) ?? null;
  }

  async callEngine(rank: EngineIndex, method: string, args: readonly unknown[]): Promise<unknown> {
    if (method === ENDING_METHOD) return this.#callThroughAll({ want: 'call', rank, method, args });
    const caller = this.#caller;
    const report = await this.#inquiries[caller]?.ask({ want: 'call', rank, method, args });
    if (report?.isOk === true) return report.value;
    if (report?.isOk === false) throw new ServerError(report.code, report.message);
    // It hangs, or the engine does: the next question goes through another server.
    this.#caller = (caller + 1) % this.#servers.length;
    throw new ServerError('E_UNAVAILABLE', `${apiServerName(caller)} did not answer in time`);
  }

  /** Through each server, as each may yet have in its channel what this ends; one that has ended it is enough. */
  async #callThroughAll(inquiry: TwinInquiry): Promise<unknown> {
    const asked = this.#inquiries.map((inquiries) => inquiries.ask(inquiry, { mustArrive: true }));
    const ended = asked.map(async (report) => {
      const known = await report;
      if (known?.isOk === true && known.value === true) return true;
      throw new Error('not through this one');
    });
    return Promise.any(ended).catch(async () => {
      const told = (await Promise.all(asked)).filter((report) => report !== null);
      const [done] = told.filter((report) => report.isOk);
      if (done !== undefined) return done.value;
      const [refused] = told.flatMap((report) => (report.isOk ? [] : [report]));
      if (refused !== undefined) throw new ServerError(refused.code, refused.message);
      throw new ServerError('E_UNAVAILABLE', 'no API server answered in time');
    });
  }

  async loadOf(rank: EngineIndex): Promise<EngineLoad | null> {
    const reports = await Promise.all(
      this.#inquiries.map((inquiries) => inquiries.ask({ want: 'load', rank })),
    );
    let last: EngineLoad | null = null;
    for (const report of reports) {
      const load = report?.isOk === true ? (report.value as EngineLoad | null) : null;
      if (load !== null && (last === null || load.updatedMs > last.updatedMs)) last = load;
    }
    return last;
  }

  showFaults(records: readonly FaultRecord[]): void {
    this.#tellAll({ type: 'faults', records });
  }

  get pids(): readonly number[] {
    return this.#servers.map(({ worker }) => worker.process.pid ?? 0);
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeOnce();
    return this.#closing;
  }

  kill(): void {
    this.#closing ??= Promise.resolve();
    for (const { worker } of this.#servers) worker.process.kill('SIGKILL');
  }

  async #closeOnce(): Promise<void> {
    this.#tellAll({ type: 'stop' });
    const timer = setTimeout(() => this.kill(), STOP_GRACE_MS);
    await Promise.all(this.#servers.map(({ exited }) => exited));
    clearTimeout(timer);
  }

  #start(clientIndex: number): ApiServerProcess {
    const { args, addressesOf, env, privateDirectory, ordersReports } = this.#options;
    const config: ApiServerConfig = {
      args: { ...args, apiKey: [] },
      clientIndex,
      addresses: addressesOf(clientIndex),
      privateDirectory,
      ordersReports,
    };
    cluster.setupPrimary({ args: [JSON.stringify(config)] });
    const worker = cluster.fork(env);
    for (const stream of [worker.process.stdout, worker.process.stderr])
      stream?.on('data', (text) => process.stderr.write(text));
    const bound = new Deferred<ClientAddresses>();
    const listening = new Deferred<string>();
    const fail = (error: Error): void => {
      bound.reject(error);
      listening.reject(error);
    };
    worker.on('message', (message: FromApiServer) => {
      if (message.type === 'started') {
        this.#tell(clientIndex, { type: 'secrets', apiKey: args.apiKey });
      } else if (message.type === 'bound') bound.resolve(message.addresses);
      else if (message.type === 'listening') {
        this.#numListening += 1;
        this.#engines = message.engines;
        listening.resolve(message.address);
      } else if (message.type === 'failed') fail(failureOf(message));
      else this.#onMessage(clientIndex, message);
    });
    const exited = new Promise<void>((resolve) => {
      worker.once('exit', (exitCode, signal) => {
        resolve();
        const name = apiServerName(clientIndex);
        const exit = { name, exitCode, signal: toSignal(signal), lastLogLine: null };
        const what = `${name} (PID: ${worker.process.pid}) died with ${describeExit(exit)}`;
        fail(createFrontendExitError(exit));
        // A start that fails has its own error.
        if (this.#closing === null && this.#isStarted) this.#options.onFall(what);
      });
    });
    return { worker, exited, bound: bound.promise, listening: listening.promise };
  }

  #onMessage(clientIndex: number, message: FromApiServer): void {
    if (message.type === 'snapshots-request') {
      this.#gathering.start(clientIndex, message.requestId);
    } else if (message.type === 'snapshot') {
      this.#gathering.add(clientIndex, message.requestId, message.snapshot);
    } else if (message.type === 'twin-question') {
      void this.#options.twin.ask(message.question).then((answer) => {
        this.#tell(clientIndex, { type: 'twin-answer', id: message.id, answer });
      });
    } else if (message.type === 'twin-report') {
      this.#inquiries[clientIndex]?.take(message.id, message.report);
    } else if (message.type === 'engine-dead') this.#addDeath(clientIndex, message);
  }

  /** Every API server notices an engine's death by itself or is told; the last one's report counts. */
  #addDeath(clientIndex: number, death: EngineDeath): void {
    const isFirst = this.#deaths.every((known) => known === null);
    this.#deaths[clientIndex] = death;
    if (isFirst) this.#tellAll({ type: 'engine-dead', rank: -1, reason: death.reason });
    if (this.#deaths.some((known) => known === null)) return;
    const numRequests = this.#deaths.reduce((sum, known) => sum + (known?.numRequests ?? 0), 0);
    this.#options.onEngineDead({ reason: death.reason, numRequests });
  }

  #tell(clientIndex: number, message: ToApiServer): void {
    const worker = this.#servers[clientIndex]?.worker;
    if (worker?.isConnected()) worker.send(message);
  }

  #tellAll(message: ToApiServer): void {
    for (let index = 0; index < this.#servers.length; index++) this.#tell(index, message);
  }
}

/** vLLM's sentence. Source: vllm/v1/engine/utils.py wait_for_engine_startup. */
function createFrontendExitError(exit: ChildExit): StartupError {
  return new StartupError(
    'E_ENGINE_EXITED',
    'Frontend process failed during engine core initialization. See root cause above. ' +
      `Failed frontend proc(s): {'${exit.name}': ${pythonExitCode(exit)}}. ` +
      `${exit.name} ended with ${exit.signal ?? describeExit(exit)} while starting.`,
  );
}

function failureOf({ code, message }: { code: string; message: string }): StartupError {
  return new StartupError(isErrorCode(code) ? code : 'E_ENGINE_EXITED', message);
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

/** node:cluster gives a signal as a plain word. */
function toSignal(signal: string | null): NodeJS.Signals | null {
  return signal as NodeJS.Signals | null;
}
