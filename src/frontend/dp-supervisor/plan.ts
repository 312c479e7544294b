/**
 * The servers that a supervisor of `--data-parallel-multi-port-external-lb` starts, one a local rank. Pure.
 * Source: vllm/entrypoints/launchers/dp_supervisor.py validate_multi_port_external_lb_args, _build_vllm_dp_server_args
 * (0.33.0). Leaves out: device ids, as a simulated GPU has none.
 */
import type { EngineArgs } from '../../shared/config/registry.ts';
import { StartupError } from '../../shared/errors.ts';
import { AUTO_API_SERVER_COUNT } from '../launch/api-server-count.ts';

/** Throws E_CONFLICTING_FLAGS in vLLM's words. */
export function checkMultiPortArgs(args: EngineArgs): void {
  const flag = '--data-parallel-multi-port-external-lb';
  const { dataParallelSize: size, dataParallelSizeLocal: sizeLocal } = args;
  if (args.uds !== null) throw conflict(`${flag} does not support --uds`);
  if ((args.sslKeyfile === null) !== (args.sslCertfile === null))
    throw conflict('--ssl-keyfile and --ssl-certfile must be provided together');
  if (![null, AUTO_API_SERVER_COUNT, 1].includes(args.apiServerCount))
    throw conflict(`${flag} currently requires --api-server-count=1`);
  if (args.dataParallelRank !== null)
    throw conflict(`${flag} manages child --data-parallel-rank values internally`);
  if (args.dataParallelExternalLb || args.dataParallelHybridLb)
    throw conflict(
      `${flag} cannot be combined with --data-parallel-external-lb or --data-parallel-hybrid-lb`,
    );
  if (size < 2) throw conflict(`${flag} requires --data-parallel-size > 1`);
  if (sizeLocal === null || sizeLocal < 2)
    throw conflict(`${flag} requires --data-parallel-size-local >= 2`);
  if (sizeLocal > size)
    throw conflict('--data-parallel-size-local cannot exceed --data-parallel-size');
  if (size % sizeLocal !== 0)
    throw conflict('--data-parallel-size must be divisible by --data-parallel-size-local');
  if ((args.dataParallelStartRank ?? 0) + sizeLocal > size)
    throw conflict('multi-port supervised ranks would exceed --data-parallel-size');
  const { dataParallelSupervisorPort: port } = args;
  const lastPort = args.port + sizeLocal - 1;
  if (args.port <= port && port <= lastPort)
    throw conflict(
      `--data-parallel-supervisor-port ${port} overlaps with child rank ports ${args.port}-${lastPort}`,
    );
  if (args.port === 0 || lastPort > 65_535)
    throw conflict(
      `--port ${args.port} leaves no fixed ports for ${sizeLocal} ranks; give another`,
    );
}

/** In order of local rank, each an external-load-balancing server of one engine. */
export function serverArgsOf(args: EngineArgs): readonly EngineArgs[] {
  return Array.from({ length: args.dataParallelSizeLocal ?? 0 }, (_, localRank) =>
    Object.freeze({
      ...args,
      port: args.port + localRank,
      dataParallelRank: (args.dataParallelStartRank ?? 0) + localRank,
      dataParallelStartRank: null,
      dataParallelSizeLocal: 1,
      dataParallelExternalLb: true,
      dataParallelHybridLb: false,
      dataParallelMultiPortExternalLb: false,
      apiServerCount: 1,
    }),
  );
}

/** Where a server of a rank is looked at. */
export function probeUrlOf({ host, port, sslKeyfile, sslCertfile }: EngineArgs): string {
  const scheme = sslKeyfile !== null && sslCertfile !== null ? 'https' : 'http';
  const own = host === null || host === '' || host === '0.0.0.0' ? '127.0.0.1' : host;
  const shown = own === '::' || own === '[::]' ? '::1' : own;
  return `${scheme}://${shown.includes(':') ? `[${shown.replace(/[[\]]/g, '')}]` : shown}:${port}/health`;
}

function conflict(message: string): StartupError {
  return new StartupError('E_CONFLICTING_FLAGS', `Error: ${message}`);
}
