/** `vllm-twin tap` as main.ts calls it. */
import type { Command, CommandFlag } from '../command.ts';
import { parseOwnFlags } from '../flags/own-flags.ts';
import { VERSION_FLAG } from '../flags/version-flag.ts';
import { runTap } from './run-tap.ts';
import { readTapSettings } from './settings.ts';

const PLACE: readonly CommandFlag[] = [
  {
    name: 'listen',
    takes: 'value',
    doc: 'Port at which engines say HELLO: what they are told as --data-parallel-rpc-port; 0 is any free one',
  },
  {
    name: 'upstream',
    takes: 'value',
    doc: "HOST:PORT of the frontend's handshake socket, its own --data-parallel-rpc-port; an IPv6 host in brackets",
  },
  {
    name: 'host',
    takes: 'value',
    doc: 'Host of all sockets that engines connect to; default 127.0.0.1',
  },
];

const SHOWN: readonly CommandFlag[] = [
  {
    name: 'json',
    takes: 'switch',
    doc: 'A JSON object a frame, or the verdict as JSON with --check',
  },
  { name: 'record', takes: 'value', doc: 'Write all frames into this folder (vllm-twin.frames/1)' },
  {
    name: 'check',
    takes: 'switch',
    doc: 'End with a verdict: what differs from what vLLM says; exit 1 where something does',
  },
  VERSION_FLAG,
];

const END: readonly CommandFlag[] = [
  {
    name: 'until-ready',
    takes: 'switch',
    doc: 'End when all engines are READY; the traffic between the two sides ends with it',
  },
  {
    name: 'engines',
    takes: 'value',
    doc: 'How many engines --until-ready waits for; default: all that said HELLO before',
  },
  { name: 'for', takes: 'value', doc: 'End after this many seconds' },
];

export const tapCommand: Command = {
  name: 'tap',
  usage: 'tap --listen PORT --upstream HOST:PORT [flags]',
  summary: 'Stand between a frontend and its engines, vLLM or ours, and show every frame.',
  positional: null,
  readsSettings: false,
  examples: [
    [
      'tap --listen 13346 --upstream 127.0.0.1:13345',
      'engines are told --data-parallel-rpc-port 13346, the frontend 13345',
    ],
    ['tap --listen 13346 --upstream 127.0.0.1:13345 --record frames', 'the same, kept in files'],
    [
      'tap --listen 13346 --upstream 127.0.0.1:13345 --check --until-ready',
      'judge a start-up: exit code 0 or 1',
    ],
  ],
  flags: [
    { title: 'Place', flags: PLACE },
    { title: 'What is shown', flags: SHOWN },
    { title: 'End', flags: END },
  ],
  async run(words) {
    return runTap(readTapSettings(parseOwnFlags(words, [...PLACE, ...SHOWN, ...END], 'tap')));
  },
};
