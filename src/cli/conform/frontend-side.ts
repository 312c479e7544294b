/** `vllm-twin conform frontend`: we are the engines that join it. */
import { FRONTEND_CHECK_SPECS } from '../../conform/frontend/checks.ts';
import { ENDINGS, SPOILS } from '../../conform/frontend/frontend-options.ts';
import {
  FRONTEND_CHECKS_PROCESS,
  runFrontendChecks,
} from '../../conform/frontend/run-frontend-checks.ts';
import { systemClock } from '../../shared/clock.ts';
import { createZmqTransport } from '../../shared/transport/zmq.ts';
import type { CommandFlag } from '../command.ts';
import type { OwnFlags } from '../flags/own-flags.ts';
import type { ConformSide } from './conform-side.ts';
import { badFlag, countFlag, secondsFlag, valueFlag, wordFlag } from './flag-values.ts';

const FLAGS: readonly CommandFlag[] = [
  {
    name: 'handshake',
    takes: 'value',
    doc: 'frontend: tcp://HOST:PORT at which it awaits its engines; what it was given as --data-parallel-rpc-port',
  },
  {
    name: 'http',
    takes: 'value',
    doc: 'frontend: where its API answers, as http://127.0.0.1:8000; checks of requests and answers need it',
  },
  {
    name: 'metrics',
    takes: 'value',
    doc: 'frontend: its /metrics, as http://127.0.0.1:8000/metrics; checks of what is shown need it',
  },
  {
    name: 'model',
    takes: 'value',
    doc: 'frontend: the name that requests ask for; default the first of /v1/models',
  },
  {
    name: 'order',
    takes: 'value',
    doc: 'frontend: the ranks in the order in which they report, as 1,0; default the last one first',
  },
  {
    name: 'ending',
    takes: 'value',
    doc: 'frontend: look at this ending alone; default each in turn, until the frontend has ended',
    values: ENDINGS,
  },
  {
    name: 'spoil',
    takes: 'value',
    doc: 'frontend: spoil the start in this way, and look only at whether it is refused',
    values: SPOILS,
  },
];

const DEFAULT_WAIT_S = 10;
const MAX_WAIT_S = 86_400;

export const FRONTEND_SIDE: ConformSide = {
  side: 'frontend',
  process: FRONTEND_CHECKS_PROCESS,
  specs: FRONTEND_CHECK_SPECS,
  flags: FLAGS,
  prepare(flags) {
    const settings = readSettings(flags);
    return ({ version, only, startMs, signal, onFrame, onResult }) =>
      runFrontendChecks({
        ...{ ...settings, version, only, startMs, signal, onFrame, onResult },
        clock: systemClock,
        transport: createZmqTransport(),
      });
  },
};

/** Throws E_BAD_FLAG. */
function readSettings(flags: OwnFlags) {
  const dataParallelSize = countFlag(flags, 'data-parallel-size', 1);
  const order = readOrder(valueFlag(flags, 'order'), dataParallelSize);
  return {
    handshakeAddress: readHandshake(valueFlag(flags, 'handshake')),
    dataParallelSize,
    ...(order === null ? {} : { order }),
    httpUrl: readUrl(flags, 'http'),
    metricsUrl: readUrl(flags, 'metrics'),
    model: valueFlag(flags, 'model'),
    ending: wordFlag(flags, 'ending', ENDINGS),
    spoil: wordFlag(flags, 'spoil', SPOILS),
    waitMs: 1000 * secondsFlag(flags, 'wait', DEFAULT_WAIT_S, MAX_WAIT_S),
  };
}

function readHandshake(text: string | null): string {
  if (text === null)
    throw badFlag(
      'conform frontend: --handshake tcp://HOST:PORT is missing: where the frontend awaits its engines',
    );
  const match = /^(?:tcp:\/\/)?(\[[^\]]+\]|[A-Za-z0-9_.-]+):(\d+)$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port < 1 || port > 65_535)
    throw badFlag(
      `--handshake '${text}': must be tcp://HOST:PORT with a port from 1 to 65535, an IPv6 host in brackets, as tcp://127.0.0.1:13345`,
    );
  return `tcp://${match[1]}:${port}`;
}

function readUrl(flags: OwnFlags, name: string): string | null {
  const text = valueFlag(flags, name);
  if (text === null) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw badFlag(`--${name} '${text}': must be a URL, as http://127.0.0.1:8000`);
  return text;
}

/** Each rank once. */
function readOrder(text: string | null, size: number): readonly number[] | null {
  if (text === null) return null;
  const ranks = text.split(',').map((word) => (/^\s*\d+\s*$/.test(word) ? Number(word) : -1));
  const isWhole = ranks.length === size && ranks.toSorted((a, b) => a - b).every((r, i) => r === i);
  if (!isWhole)
    throw badFlag(
      `--order '${text}': must name each rank from 0 to ${size - 1} once (--data-parallel-size ${size}), as ${[...Array(size).keys()].reverse().join(',')}`,
    );
  return ranks;
}
