/**
 * An API server process, one of several on a port; its primary is main.ts. It ends when the primary says so or is gone.
 * Source: vllm/v1/utils.py run_api_server_worker_proc (0.33.0).
 */

import * as v from 'valibot';
import { loadModelPlan } from '../../capacity/file/load-model-plan.ts';
import { modelOptionsOf } from '../../capacity/models/options-of-args.ts';
import { systemClock } from '../../shared/clock.ts';
import { engineArgsSchema } from '../../shared/config/engine-args-schema.ts';
import { readProcessArgument } from '../../shared/config/process-argument.ts';
import type { EngineArgs } from '../../shared/config/registry.ts';
import { Deferred } from '../../shared/deferred.ts';
import { reasonOf, TwinError } from '../../shared/errors.ts';
import { createLogger } from '../../shared/logger.ts';
import { removePrivateDirectory } from '../../shared/private-directory.ts';
import { WIRE_VERSIONS } from '../../shared/protocol/versions/wire-versions.ts';
import { createWireCodec } from '../../shared/protocol/wire-codec.ts';
import { boolean, integer, onlyFields, string } from '../../shared/schema.ts';
import { framesOfTap } from '../../shared/tap/process-frames.ts';
import { createProcessTap } from '../../shared/tap/process-tap.ts';
import type { Tap } from '../../shared/tap/tap.ts';
import { tapTransport } from '../../shared/tap/tapped-transport.ts';
import { createZmqTransport } from '../../shared/transport/zmq.ts';
import { readHttpEnv } from '../http/http-env.ts';
import { createParallelPlan } from '../launch/parallel-plan.ts';
import { RemoteTwin } from '../twin/remote-twin.ts';
import { ApiServer } from './api-server.ts';
import { apiServerName } from './api-server-name.ts';
import type {
  ApiServerConfig,
  FromApiServer,
  ToApiServer,
  TwinInquiry,
  TwinReport,
} from './messages.ts';
import { SharedMetrics } from './shared-metrics.ts';

const CONFIG: v.GenericSchema<unknown, ApiServerConfig> = v.pipe(
  v.unknown(),
  onlyFields({
    clientIndex: integer(),
    addresses: onlyFields({ input: string, output: string }),
    privateDirectory: string,
    ordersReports: boolean,
    args: engineArgsSchema(),
  }),
);

function tell(message: FromApiServer): void {
  if (process.connected) process.send?.(message);
}

/** Asks the primary for them. */
function receiveSecrets(): Promise<Pick<EngineArgs, 'apiKey'>> {
  return new Promise((resolve) => {
    process.once('message', (message: ToApiServer) => {
      if (message.type === 'secrets') resolve({ apiKey: message.apiKey });
    });
    tell({ type: 'started' });
  });
}

async function run(config: ApiServerConfig): Promise<void> {
  const { clientIndex, addresses, privateDirectory } = config;
  // node:cluster ends this process with its primary; nobody may be left to remove the folder.
  process.on('exit', () => {
    if (!process.connected) removePrivateDirectory(privateDirectory);
  });
  const args = { ...config.args, ...(await receiveSecrets()) };
  const name = apiServerName(clientIndex);
  process.title = `VLLM::${name}`;
  const logger = createLogger({
    level: args.logLevel,
    format: args.logFormat,
    bindings: { process: name },
  });
  const model = loadModelPlan(modelOptionsOf(args));
  const plan = createParallelPlan(args, model.facts.isMoe);
  const tap = createProcessTap({
    process: name,
    vllmVersion: args.vllmVersion,
    record: args.record,
    ringFrames: args.tap,
    clock: systemClock,
    logger,
  });
  const twin = new RemoteTwin((id, question) => tell({ type: 'twin-question', id, question }));
  let shared: SharedMetrics | null = null;
  const server = await ApiServer.bind(
    {
      args,
      plan,
      model,
      codec: createWireCodec(WIRE_VERSIONS[args.vllmVersion]),
      env: readHttpEnv(process.env),
      clock: systemClock,
      logger,
      clientIndex,
      ordersReports: config.ordersReports,
      twin,
      onEngineDead: (death) => tell({ type: 'engine-dead', ...death }),
      wrapMetrics: (own) => {
        shared = new SharedMetrics(own, (requestId) =>
          tell({ type: 'snapshots-request', requestId }),
        );
        return shared;
      },
    },
    tapTransport(createZmqTransport(), tap),
    addresses,
  );
  const statsAddress = new Deferred<string | null>();
  process.on('message', (message: ToApiServer) => {
    if (message.type === 'coordinator') statsAddress.resolve(message.statsAddress);
    else if (message.type === 'engine-dead') server.markEngineDead(message.rank, message.reason);
    else if (message.type === 'snapshot-request') {
      const { requestId } = message;
      tell({ type: 'snapshot', requestId, snapshot: server.snapshot() });
    } else if (message.type === 'snapshots') shared?.take(message.requestId, message.snapshots);
    else if (message.type === 'faults') server.showFaults(message.records);
    else if (message.type === 'twin-answer') twin.take(message.id, message.answer);
    else if (message.type === 'twin-inquiry') {
      const { id, inquiry } = message;
      void reportTo(inquiry, server, tap).then((report) =>
        tell({ type: 'twin-report', id, report }),
      );
    } else if (message.type === 'stop') void server.close().then(() => process.exit(0));
  });
  tell({ type: 'bound', addresses: server.client.addresses });
  const address = await server.start(statsAddress.promise);
  tell({ type: 'listening', address, engines: server.engines });
}

/** What the primary wants to know; it asks for all servers. */
async function reportTo(inquiry: TwinInquiry, server: ApiServer, tap: Tap): Promise<TwinReport> {
  if (inquiry.want === 'frames')
    return { isOk: true, value: framesOfTap(tap, systemClock, inquiry.sinceSeq) };
  if (inquiry.want === 'load') return { isOk: true, value: await server.loadOf(inquiry.rank) };
  try {
    const { rank, method, args } = inquiry;
    return { isOk: true, value: await server.callEngine(rank, method, args) };
  } catch (error) {
    const code = error instanceof TwinError ? error.code : 'E_UTILITY_FAILED';
    return { isOk: false, code, message: reasonOf(error) };
  }
}

// A terminal sends its Ctrl-C to every process: what it means is for the primary to say.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});
run(readProcessArgument(CONFIG, 'an API server')).catch((error: unknown) => {
  if (!(error instanceof TwinError)) throw error;
  const failed: FromApiServer = { type: 'failed', code: error.code, message: error.message };
  process.send?.(failed, () => process.exit(1));
});
