/**
 * One API server: an engine client, its metrics, and HTTP over both. The only one in this process, or one of several
 * processes on a port. Heavy modules are loaded while the engines start.
 * Source: vllm/entrypoints/launchers/api_server/entry.py run_server_worker (0.33.0).
 */

import type { ModelPlan } from '../../capacity/models/model-plan.ts';
import type { Clock } from '../../shared/clock.ts';
import { kvTransferConfigOf } from '../../shared/config/kv-transfer-config.ts';
import type { EngineArgs } from '../../shared/config/registry.ts';
import { StartupError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import type { OlderMetrics } from '../../shared/metric-catalogue/older-metrics.ts';
import type { EngineIndex } from '../../shared/protocol/ids.ts';
import type { EngineCoreReadyResponse } from '../../shared/protocol/ready-response.ts';
import type { WireCodec } from '../../shared/protocol/wire-codec.ts';
import { systemTimers, type Timer, type Timers } from '../../shared/timers.ts';
import { tokenizerFolderOf } from '../../shared/tokenizer/tokenizer-folder.ts';
import type { Transport } from '../../shared/transport/transport.ts';
import { VLLM_VERSION } from '../../shared/version.ts';
import { type ClientAddresses, MultiProcessClient } from '../engine-client/multi-process-client.ts';
import type { ReadyEngines } from '../engine-client/ready-engines.ts';
import { UndecodableReadyResponse } from '../engine-client/undecodable-ready-response.ts';
import type { FaultRecord } from '../faults/fault-desk.ts';
import { ShownFaults } from '../faults/shown-faults.ts';
import type { EarlyServer } from '../http/early-server.ts';
import type { HttpEnv } from '../http/http-env.ts';
import type { HttpMetricsSource } from '../http/http-metrics-source.ts';
import type { HttpServer, HttpServerOptions } from '../http/server.ts';
import type { ParallelPlan } from '../launch/parallel-plan.ts';
import type { CustomBuckets } from '../metrics/buckets.ts';
import type { EngineLoad } from '../metrics/engine-load.ts';
import type { FamilySnapshot } from '../metrics/families.ts';
import type { FrontendMetrics, FrontendMetricsOptions } from '../metrics/frontend-metrics.ts';
import {
  createCacheConfigSettings,
  createServedModel,
  servedModelNamesOf,
} from '../serve-settings.ts';
import type { Twin } from '../twin/twin-question.ts';
import type { EngineDeath, Serving } from './serving.ts';

export interface ApiServerOptions {
  readonly args: EngineArgs;
  readonly plan: ParallelPlan;
  readonly model: ModelPlan;
  readonly codec: WireCodec;
  readonly env: HttpEnv;
  readonly clock: Clock;
  /** Default: the event loop's. */
  readonly timers?: Timers;
  readonly logger: Logger;
  readonly clientIndex: number;
  /** The order in which engines report is a scenario's, not chance; default: chance. */
  readonly ordersReports?: boolean;
  /** Called once an engine has died and the running requests have got their error. */
  readonly onEngineDead: (death: EngineDeath) => void;
  /** What is below /twin. */
  readonly twin?: Twin;
  /** A port that is open already; null where the server opens its own. */
  readonly early?: EarlyServer | null;
  /** Another `/metrics` than this server's own: several API servers show one. */
  readonly wrapMetrics?: (metrics: FrontendMetrics) => HttpMetricsSource;
  /** False: nobody connects to it; its routes are asked in the process. */
  readonly listens?: boolean;
  /** Where ids and what a process tells of itself come from, if not from the system. */
  readonly own?: Pick<HttpServerOptions, 'randomHex'> &
    Pick<FrontendMetricsOptions, 'readProcessFigures'>;
}

type Modules = Awaited<ReturnType<typeof loadModules>>;

function loadModules(args: EngineArgs) {
  return Promise.all([
    import('../http/server.ts'),
    import('../metrics/frontend-metrics.ts'),
    import('../openai/workers/text-workers.ts'),
    loadTokenizerOf(args),
    loadOlderMetrics(args),
  ]);
}

/** vLLM takes any engine whose ready response it can read, and says nothing. */
function otherVersionWords(rank: EngineIndex, version: string, args: EngineArgs): string {
  const own = args.vllmVersion;
  return (
    `Engine ${rank} is vLLM ${version}, and this frontend ${own}: ` +
    `vllm-twin versions ${version} ${own} tells what breaks between them`
  );
}

/** Null for our own version: nothing of the catalogue is loaded then. */
async function loadOlderMetrics({ vllmVersion }: EngineArgs): Promise<OlderMetrics | null> {
  if (vllmVersion === VLLM_VERSION) return null;
  const { olderMetrics } = await import('../../shared/metric-catalogue/older-metrics.ts');
  return olderMetrics(vllmVersion);
}

async function loadTokenizerOf(args: EngineArgs) {
  const { loadTokenizer } = await import('../../shared/tokenizer/load-tokenizer.ts');
  return loadTokenizer({ folder: tokenizerFolderOf(args) });
}

export class ApiServer implements Serving {
  readonly client: MultiProcessClient;
  readonly clientAddresses: Promise<readonly ClientAddresses[]>;
  /** This process's own tap is its owner's. */
  readonly frameSources = [];
  readonly pids = [];
  readonly #faults: ShownFaults;
  readonly #options: ApiServerOptions;
  readonly #modules: Promise<Modules>;
  #http: HttpServer | null = null;
  #metrics: FrontendMetrics | null = null;
  #statsTimer: Timer | null = null;
  #closing: Promise<void> | null = null;

  private constructor(options: ApiServerOptions, client: MultiProcessClient) {
    this.#options = options;
    this.client = client;
    this.#faults = new ShownFaults(options.clock, options.timers ?? systemTimers);
    this.clientAddresses = Promise.resolve([client.addresses]);
    this.#modules = loadModules(options.args);
    this.#modules.catch(() => {});
  }

  /** Binds the engine client's sockets. */
  static async bind(
    options: ApiServerOptions,
    transport: Transport,
    addresses: ClientAddresses,
  ): Promise<ApiServer> {
    const { plan, codec, clientIndex, logger } = options;
    const client = await MultiProcessClient.bind({
      transport,
      codec,
      addresses,
      engineRanks: plan.engineRanksManaged,
      isLoadBalancing: plan.dataParallelSize > 1 && plan.mode !== 'external',
      clientCount: plan.apiServerCount,
      clientIndex,
      logger,
    });
    return new ApiServer(options, client);
  }

  get engines(): ReadyEngines {
    return this.#http === null ? new Map() : this.client.engines;
  }

  /** Null before `start`. */
  get http(): HttpServer | null {
    return this.#http;
  }

  /** This server's own numbers, for another one's `/metrics`. */
  snapshot(): readonly FamilySnapshot[] {
    return this.#metrics?.snapshot() ?? [];
  }

  describeMissing(): string {
    const ranks = this.client.missingRanks;
    return ranks.length === 0 ? '' : `no ready response from rank ${ranks.join(', ')}`;
  }

  markEngineDead(rank: EngineIndex, reason: string): void {
    this.client.markEngineDead(rank, reason);
  }

  readyResponse(rank: EngineIndex): EngineCoreReadyResponse | null {
    return this.client.enginesByArrival.get(rank) ?? null;
  }

  callEngine(rank: EngineIndex, method: string, args: readonly unknown[]): Promise<unknown> {
    return this.client.callUtility(rank, method, args);
  }

  async loadOf(rank: EngineIndex): Promise<EngineLoad | null> {
    return this.#metrics?.loadOf(rank) ?? null;
  }

  showFaults(records: readonly FaultRecord[]): void {
    this.#faults.update(records);
  }

  kill(): void {
    // The only process is this one.
  }

  /** As `Serving` says; what is asked early are the adapters of --lora-modules. */
  async start(
    statsAddress: Promise<string | null>,
    handshake: Promise<unknown> = Promise.resolve(),
  ): Promise<string> {
    const { args, plan, model, env, clock, logger, clientIndex } = this.#options;
    const { timers = systemTimers } = this.#options;
    const [[{ createHttpServer }, { FrontendMetrics }, { TextWorkers }, tokenizer, older]] =
      await Promise.all([this.#modules, this.#waitUntilReady(), handshake]);
    if (plan.dataParallelSize > 1) this.client.subscribeToCoordinator(await statsAddress);
    const engines = this.#orderedEngines();
    const metrics = new FrontendMetrics({
      engines,
      servedModelName: servedModelNamesOf(args)[0] ?? args.model,
      cacheConfig: createCacheConfigSettings(args, model, plan.engineRanksManaged),
      dpMetrics: args.dpMetrics,
      older,
      kvCacheMetrics: args.kvCacheMetrics,
      customBuckets: (args.customHistogramBuckets ?? {}) as CustomBuckets,
      numSpeculativeTokens: numSpeculativeTokensOf(model),
      hasToolCallParser: args.toolCallParser !== null,
      logStats: !args.disableLogStats,
      maxLoras: args.enableLora === true ? args.maxLoras : null,
      kvTransfer: kvTransferConfigOf(args),
      clock,
      view: this.#faults,
      ...this.#options.own,
    });
    this.#metrics = metrics;
    let numRequests = 0;
    this.client.onEngineDead(() => {
      numRequests = this.#http?.llm.numUnfinishedRequests ?? 0;
    });
    const http = await createHttpServer({
      engineClient: this.client,
      args,
      env,
      model: createServedModel(args, model, {
        engines,
        plan,
        clientIndex,
      }),
      tokenizer,
      tokenizerFolder: tokenizerFolderOf(args),
      textWorkers: new TextWorkers({
        tokenizerFolder: tokenizerFolderOf(args),
        renderTimeoutSeconds: env.chatTemplateRenderTimeout,
      }),
      metrics: this.#options.wrapMetrics?.(metrics) ?? metrics,
      logStats: !args.disableLogStats,
      clock,
      timers,
      logger,
      clientIndex,
      ...this.#options.own,
      faults: this.#faults,
      ...(this.#options.twin === undefined ? {} : { twin: this.#options.twin }),
      early: this.#options.early ?? null,
      onEngineDead: (reason) => {
        if (this.#closing === null) this.#options.onEngineDead({ reason, numRequests });
      },
    });
    this.#http = http;
    if (this.#closing !== null) {
      await http.close();
      throw new StartupError('E_INTERRUPTED', 'The server was told to stop while it started');
    }
    const { listens = true } = this.#options;
    const { address } = listens ? await http.listen() : { address: '' };
    // As vLLM, several API servers leave the log lines out: each would tell of its own share only.
    if (!args.disableLogStats && plan.apiServerCount === 1) this.#logStats(metrics);
    return address;
  }

  /**
   * Ends what still runs with the error of a dead engine, lets it be written, then closes HTTP and sockets: nothing is
   * sent to an engine any more. Source: vllm/v1/engine/core_client.py BackgroundResources, which sets engine_dead.
   */
  close(): Promise<void> {
    this.#closing ??= this.#closeOnce();
    return this.#closing;
  }

  async #waitUntilReady(): Promise<void> {
    const { args, logger } = this.#options;
    try {
      await this.client.waitUntilReady();
    } catch (error) {
      if (!(error instanceof UndecodableReadyResponse)) throw error;
      const { explainReadyResponse } = await import('../engine-client/explain-ready-response.ts');
      throw explainReadyResponse(error, args.vllmVersion);
    }
    for (const [rank, { vllmVersion }] of this.client.engines)
      if (vllmVersion !== args.vllmVersion) logger.warn(otherVersionWords(rank, vllmVersion, args));
  }

  /** Engines that this frontend started together: which reports first is chance, so the rank decides. */
  #orderedEngines(): ReadyEngines {
    const { plan, ordersReports = false } = this.#options;
    const ownsAllEngines = plan.engineRanksStarted.length === plan.engineRanksManaged.length;
    return ownsAllEngines && !ordersReports ? this.client.engines : this.client.enginesByArrival;
  }

  async #closeOnce(): Promise<void> {
    this.#statsTimer?.cancel();
    // Not before `#closing` is set: this death is nobody's news.
    await Promise.resolve();
    this.client.markEngineDead(null, 'the server is shutting down');
    await this.#http?.close();
    await this.client.close();
  }

  #logStats(metrics: FrontendMetrics): void {
    const { env, logger, timers = systemTimers } = this.#options;
    this.#statsTimer = timers.after(env.logStatsInterval * 1000, () => {
      for (const { level, text } of metrics.logLines()) logger[level](text);
      this.#logStats(metrics);
    });
  }
}

/** Null without speculative decoding. */
function numSpeculativeTokensOf({ input: { config } }: ModelPlan): number | null {
  return config.speculative === null ? null : config.numSpeculativeTokens;
}
