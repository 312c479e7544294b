/** `vllm-twin conform engine`: we are the frontend that engines are told to join. */
import { ENGINE_CHECK_SPECS } from '../../conform/engine/checks.ts';
import { ENGINE_CHECKS_PROCESS, runEngineChecks } from '../../conform/engine/run-engine-checks.ts';
import { findFreePort } from '../../frontend/launch/port-check.ts';
import { systemClock } from '../../shared/clock.ts';
import { ConfigError, reasonOf } from '../../shared/errors.ts';
import { createZmqTransport } from '../../shared/transport/zmq.ts';
import { isBefore } from '../../shared/version.ts';
import type { CommandFlag } from '../command.ts';
import type { OwnFlags } from '../flags/own-flags.ts';
import type { ConformSide, SideRun } from './conform-side.ts';
import { badFlag, countFlag, secondsFlag, valueFlag } from './flag-values.ts';

const FLAGS: readonly CommandFlag[] = [
  {
    name: 'listen',
    takes: 'value',
    doc: 'engine: tcp://HOST:PORT at which engines say HELLO; they are told HOST as --data-parallel-address and PORT as --data-parallel-rpc-port',
  },
  {
    name: 'moe',
    takes: 'switch',
    doc: 'engine: the ranks serve one mixture-of-experts model: INIT tells them of their group, and waves are judged',
  },
];

const DEFAULT_WAIT_S = 120;
const MAX_WAIT_S = 86_400;
/** Ports that vLLM's ranks may want for their groups. Source: vllm/config/parallel.py _data_parallel_master_port_list. */
const NUM_GROUP_PORTS = 5;

interface EngineSettings {
  readonly host: string;
  readonly port: number;
  readonly size: number;
  readonly isMoe: boolean;
  readonly waitMs: number;
}

export const ENGINE_SIDE: ConformSide = {
  side: 'engine',
  process: ENGINE_CHECKS_PROCESS,
  specs: ENGINE_CHECK_SPECS,
  flags: FLAGS,
  prepare(flags) {
    const settings = readSettings(flags);
    return (run) => judgeEngines(settings, run);
  },
};

function readSettings(flags: OwnFlags): EngineSettings {
  const { host, port } = readListen(valueFlag(flags, 'listen'));
  const size = countFlag(flags, 'data-parallel-size', 1);
  const isMoe = valueFlag(flags, 'moe') === 'true';
  if (isMoe && size === 1)
    throw badFlag('--moe: a single engine has no ranks to go with; name --data-parallel-size too');
  return {
    host,
    port,
    size,
    isMoe,
    waitMs: 1000 * secondsFlag(flags, 'wait', DEFAULT_WAIT_S, MAX_WAIT_S),
  };
}

function readListen(listen: string | null): { readonly host: string; readonly port: number } {
  if (listen === null)
    throw badFlag(
      'conform engine: --listen tcp://HOST:PORT is missing: where engines are told to say HELLO',
    );
  const match = /^(?:tcp:\/\/)?(\[[^\]]+\]|[A-Za-z0-9_.-]+):(\d+)$/.exec(listen);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || !(port <= 65_535))
    throw badFlag(
      `--listen '${listen}': must be tcp://HOST:PORT with a port up to 65535, an IPv6 host in brackets, as tcp://127.0.0.1:13345`,
    );
  if (match[1] === '0.0.0.0' || match[1] === '[::]')
    throw badFlag(
      `--listen '${listen}': engines are told this host, so it must be one that they reach; name this machine's own address`,
    );
  return { host: match[1], port };
}

async function judgeEngines({ host, port, size, isMoe, waitMs }: EngineSettings, run: SideRun) {
  const { say } = run;
  try {
    return await runEngineChecks({
      transport: createZmqTransport(),
      clock: systemClock,
      version: run.version,
      listenAddress: `tcp://${host}:${port}`,
      dataParallelSize: size,
      parallelConfig: isMoe ? await groupOf(host, size, run.version.vllmVersion) : null,
      only: run.only,
      waitMs,
      startMs: run.startMs,
      signal: run.signal,
      onListening: (address) => {
        for (const line of startLines(host, address, size)) say(line);
      },
      onProgress: say,
      onFrame: run.onFrame,
      onResult: run.onResult,
    });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code !== 'EADDRINUSE' && code !== 'EADDRNOTAVAIL' && code !== 'ENODEV') throw cause;
    // Nobody was judged, so it is no verdict of 1.
    throw new ConfigError(
      'E_BAD_FLAG',
      `conform: cannot listen on ${host}:${port}: ${reasonOf(cause)}. Choose another --listen, or port 0 for any free one.`,
      { cause },
    );
  }
}

/** What to start, in the words of vLLM's command line. */
function startLines(host: string, address: string, size: number): readonly string[] {
  const port = address.slice(address.lastIndexOf(':') + 1);
  const bare = withoutBrackets(host);
  const ranks =
    size === 1 ? '' : ` --data-parallel-size ${size} --data-parallel-size-local ${size}`;
  return [
    `Waiting for ${size === 1 ? 'an engine' : `${size} engines`} at ${address}. Start, for example:`,
    `  vllm serve MODEL --headless${ranks} --data-parallel-address ${bare} --data-parallel-rpc-port ${port}`,
  ];
}

/** An IPv6 host as it stands alone. */
function withoutBrackets(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

/** Source: vllm/v1/engine/utils.py wait_for_engine_startup, parallel_config_payload. */
async function groupOf(
  host: string,
  size: number,
  vllmVersion: string,
): Promise<Readonly<Record<string, unknown>>> {
  const ip = withoutBrackets(host);
  // One that is closed may be handed out again.
  const ports = new Set<number>();
  while (ports.size <= NUM_GROUP_PORTS) ports.add(await findFreePort(ip));
  const [masterPort, ...list] = ports;
  return {
    data_parallel_master_ip: ip,
    data_parallel_master_port: masterPort,
    _data_parallel_master_port_list: list,
    ...(isBefore(vllmVersion, '0.32.0') ? {} : { _coord_store_port: 0 }),
    data_parallel_size: size,
  };
}
