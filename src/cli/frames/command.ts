/** `vllm-twin frames PATH…` as main.ts calls it. */
import { FRAME_TYPES } from '../../shared/tap/frame-type.ts';
import type { Command, CommandFlag } from '../command.ts';
import { parseOwnFlags } from '../flags/own-flags.ts';
import { VERSION_FLAG } from '../flags/version-flag.ts';
import { diagramWidth } from './diagram-width.ts';
import { runFrames } from './run-frames.ts';
import { readFramesSettings } from './settings.ts';

const SHOWN: readonly CommandFlag[] = [
  {
    name: 'full',
    takes: 'switch',
    doc: 'Every field of every frame, with its meaning in vLLM and the hex of its bytes',
  },
  {
    name: 'json',
    takes: 'switch',
    doc: 'A JSON object a line; with --check the verdict as one JSON object',
  },
  {
    name: 'html',
    takes: 'value',
    doc: 'Write one file that shows the frames in a browser, without a server; an existing file is replaced',
  },
  {
    name: 'check',
    takes: 'switch',
    doc: 'End with a verdict: what differs from what vLLM says; exit 1 where something does',
  },
  VERSION_FLAG,
];

const FILTERS: readonly CommandFlag[] = [
  {
    name: 'type',
    takes: 'value',
    doc: 'Only frames of these types, such as HELLO,INIT; can be repeated',
    values: Object.keys(FRAME_TYPES),
  },
  {
    name: 'engine',
    takes: 'value',
    doc: 'Only frames from or for the engines of these ranks; can be repeated',
  },
  {
    name: 'request',
    takes: 'value',
    doc: 'Only frames that speak of this request: ADD, OUTPUTS with it, ABORT',
  },
  {
    name: 'process',
    takes: 'value',
    doc: 'Only what these processes recorded, such as EngineCore_DP0; can be repeated',
  },
  {
    name: 'since',
    takes: 'value',
    doc: 'Only from here on: milliseconds from the start, or a time such as 2026-01-31T12:00:00Z',
  },
  { name: 'until', takes: 'value', doc: 'Only up to here, as --since' },
];

export const framesCommand: Command = {
  name: 'frames',
  usage: 'frames PATH… [flags]',
  summary: 'Show what serve --record wrote: who said what to whom, as vLLM means it.',
  positional: 'file',
  readsSettings: false,
  examples: [
    ['frames DIR', 'a sequence diagram of all processes'],
    ['frames DIR --type HELLO,INIT,READY,EngineCoreReadyResponse', 'the start-up alone'],
    ['frames DIR --engine 1 --full', 'what engine 1 says and hears, field by field'],
    ['frames DIR --json --request cmpl-1-0', 'the way of one request, for programs'],
    ['frames DIR --html startup.html', 'a page that can be given away'],
    ['frames DIR --check', 'a verdict: exit code 0 or 1'],
  ],
  flags: [
    { title: 'What is shown', flags: SHOWN },
    { title: 'Filters', flags: FILTERS },
  ],
  async run(words) {
    const settings = readFramesSettings(parseOwnFlags(words, [...SHOWN, ...FILTERS], 'frames'));
    return runFrames(settings, diagramWidth());
  },
};
