/** What `vllm-twin tap` is told, checked: each fault names the flag, the value, the limit and what to do. */
import { isIPv6 } from 'node:net';
import { ConfigError } from '../../shared/errors.ts';
import type { WireVersion } from '../../shared/protocol/wire-version.ts';
import type { OwnFlags } from '../flags/own-flags.ts';
import { readVersionFlag } from '../flags/version-flag.ts';

export interface TapSettings {
  /** Host of all sockets that engines connect to, as it stands in an address. */
  readonly host: string;
  /** 0 is any free one. */
  readonly listenPort: number;
  /** `tcp://127.0.0.1:13345`. */
  readonly upstreamAddress: string;
  readonly record: string | null;
  readonly json: boolean;
  readonly check: boolean;
  readonly untilReady: boolean;
  /** Engines that are waited for with --until-ready; null: those that say HELLO before one is READY. */
  readonly engines: number | null;
  /** `--for`: null goes on until it is ended. */
  readonly seconds: number | null;
  /** Whose frames they are; null: as the engines say. */
  readonly version: WireVersion | null;
}

const DEFAULT_HOST = '127.0.0.1';
const MAX_PORT = 65_535;
/** A week; Node's timers end at 24 days. */
const MAX_SECONDS = 604_800;
const MAX_ENGINES = 4_096;
const WILDCARDS: readonly string[] = ['0.0.0.0', '::', '*'];

/** Throws E_BAD_FLAG. */
export function readTapSettings(own: OwnFlags): TapSettings {
  const { positionals, flags } = own;
  const [extra] = positionals;
  if (extra !== undefined) throw bad(`tap: expects flags only, got '${extra}'; see tap --help`);
  const value = (name: string): string | null => flags.get(name)?.at(-1) ?? null;
  const isSet = (name: string): boolean => value(name) === 'true';
  const listen = value('listen');
  const upstream = value('upstream');
  if (listen === null)
    throw bad('tap: --listen PORT is missing: the --data-parallel-rpc-port that engines are told');
  if (upstream === null)
    throw bad("tap: --upstream HOST:PORT is missing: the frontend's own --data-parallel-rpc-port");
  const host = value('host') ?? DEFAULT_HOST;
  const listenPort = integer('--listen', listen, 0, MAX_PORT);
  const target = readUpstream(upstream);
  if (target.port === listenPort && isSameHost(target.host, host))
    throw bad(
      `--upstream '${upstream}': is where the tap itself listens; name the frontend's port`,
    );
  const engines = value('engines');
  const seconds = value('for');
  return {
    host: readHost(host),
    listenPort,
    upstreamAddress: `tcp://${bracketed(target.host)}:${target.port}`,
    record: value('record'),
    json: isSet('json'),
    check: isSet('check'),
    untilReady: isSet('until-ready'),
    engines: engines === null ? null : integer('--engines', engines, 1, MAX_ENGINES),
    seconds: seconds === null ? null : readSeconds(seconds),
    version: readVersionFlag(own),
  };
}

function readUpstream(upstream: string): { readonly host: string; readonly port: number } {
  const text = upstream.replace(/^tcp:\/\//, '');
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d+)$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined)
    throw bad(
      `--upstream '${upstream}': must be HOST:PORT, an IPv6 host in brackets, as 127.0.0.1:13345 or [::1]:13345`,
    );
  return { host, port: integer('--upstream', match?.[3] ?? '', 1, MAX_PORT) };
}

function readHost(host: string): string {
  if (WILDCARDS.includes(host))
    throw bad(
      `--host '${host}': engines are told this host, so it must be one that they reach; name this machine's own address`,
    );
  if (!/^[A-Za-z0-9_.:%-]+$/.test(host))
    throw bad(`--host '${host}': must be a host name or an IP address`);
  return bracketed(host);
}

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds <= 0 || seconds > MAX_SECONDS)
    throw bad(`--for '${text}': must be a number of seconds above 0, at most ${MAX_SECONDS}`);
  return seconds;
}

function integer(flag: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw bad(`${flag} '${text}': must be a whole number from ${min} to ${max}`);
  return value;
}

function bracketed(host: string): string {
  return isIPv6(host.split('%', 1)[0] ?? '') ? `[${host}]` : host;
}

function isSameHost(a: string, b: string): boolean {
  const plain = (host: string): string => (host === 'localhost' ? DEFAULT_HOST : host);
  return plain(a) === plain(b);
}

function bad(message: string): ConfigError {
  return new ConfigError('E_BAD_FLAG', message);
}
