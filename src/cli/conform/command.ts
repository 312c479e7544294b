/** `vllm-twin conform engine|frontend` as main.ts calls it. */
import { VLLM_VERSION } from '../../shared/version.ts';
import type { Command, CommandFlag } from '../command.ts';
import { parseOwnFlags } from '../flags/own-flags.ts';
import { VERSION_FLAG } from '../flags/version-flag.ts';
import type { ConformSide } from './conform-side.ts';
import { ENGINE_SIDE } from './engine-side.ts';
import { FRONTEND_SIDE } from './frontend-side.ts';
import { runConform } from './run-conform.ts';
import { readSide } from './settings.ts';

const SIDES: readonly ConformSide[] = [ENGINE_SIDE, FRONTEND_SIDE];

const PEER: readonly CommandFlag[] = [
  {
    name: 'data-parallel-size',
    takes: 'value',
    doc: 'How many engines there are; default 1',
  },
  { ...VERSION_FLAG, doc: `Whose wire is spoken and asked for; default ${VLLM_VERSION}` },
  {
    name: 'wait',
    takes: 'value',
    doc: "Seconds until the peer's first word, so that there is time to start it; default 120 for engines, 10 for a frontend",
  },
  {
    name: 'timeout',
    takes: 'value',
    doc: 'Seconds that the peer may take from its first word until it is ready; default 14, with which a run takes less than 30 s, whatever the peer does',
  },
];

const CHECKS: readonly CommandFlag[] = [
  {
    name: 'only',
    takes: 'list',
    doc: 'Only these checks; engine.hello stands for all whose ids begin so',
  },
  { name: 'list', takes: 'switch', doc: 'Show the checks, and run none' },
];

const SHOWN: readonly CommandFlag[] = [
  {
    name: 'json',
    takes: 'switch',
    doc: 'One JSON object: {"checks":[{"id","verdict","expected","got"}],"passed","failed"}',
  },
  { name: 'junit', takes: 'value', doc: "Write the results into this file, as JUnit's XML" },
  {
    name: 'record',
    takes: 'value',
    doc: 'Keep the frames behind the checks in this folder; vllm-twin frames reads them',
  },
];

export const conformCommand: Command = {
  name: 'conform',
  usage: `conform ${SIDES.map(({ side }) => side).join('|')} [flags]`,
  summary: "Judge somebody else's engine core or frontend by what vLLM does on the wire.",
  positional: 'side',
  readsSettings: false,
  examples: [
    [
      'conform engine --listen tcp://127.0.0.1:13345',
      'we are the frontend: says which command starts the engine, waits, judges',
    ],
    [
      'conform engine --listen tcp://127.0.0.1:13345 --data-parallel-size 2 --junit conform.xml',
      'two engines, and a report for CI; exit code 0 or 1',
    ],
    [
      'conform engine --listen tcp://127.0.0.1:13345 --only engine.hello --record frames',
      'some checks, and the frames behind them for vllm-twin frames',
    ],
    [
      'conform frontend --handshake tcp://127.0.0.1:13345 --data-parallel-size 2 --http http://127.0.0.1:8000 --metrics http://127.0.0.1:8000/metrics',
      'we are two engines of a frontend: what it sends, answers, shows and survives',
    ],
    ['conform engine --list', 'every check, what vLLM does and where'],
  ],
  flags: [
    { title: 'The peer', flags: [...SIDES.flatMap(({ flags }) => flags), ...PEER] },
    { title: 'Checks', flags: CHECKS },
    { title: 'What is shown', flags: SHOWN },
  ],
  async run(words) {
    const known = conformCommand.flags.flatMap(({ flags }) => flags);
    const flags = parseOwnFlags(words, known, 'conform');
    return runConform(flags, readSide(flags, SIDES));
  },
};
