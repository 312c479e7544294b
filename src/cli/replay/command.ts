/** `vllm-twin replay FILE` as main.ts calls it. */
import { ConfigError } from '../../shared/errors.ts';
import type { Command, CommandFlag } from '../command.ts';
import { parseOwnFlags } from '../flags/own-flags.ts';
import { runReplay } from './replay.ts';

const FLAGS: readonly CommandFlag[] = [
  {
    name: 'json',
    takes: 'switch',
    doc: 'Print resolved config and steps as JSON in the golden format',
  },
  {
    name: 'check',
    takes: 'switch',
    doc: "Compare with the file's own steps; exit 1 at the first difference",
  },
  {
    name: 'summary',
    takes: 'switch',
    doc: 'Only what the whole workload came to: no step is shown',
  },
  { name: 'until-step', takes: 'value', doc: 'Stop before this step' },
  { name: 'id', takes: 'value', doc: 'Only records whose id contains this text' },
];

export const replayCommand: Command = {
  name: 'replay',
  usage: 'replay FILE [flags]',
  summary: 'Step an engine over a scripted workload on a virtual clock and show every decision.',
  positional: 'file',
  readsSettings: false,
  examples: [
    ['replay traces.json --id single', 'a table of every step of the matching records'],
    [
      'replay traces.json --check',
      'compare with the recorded steps; exit 1 at the first difference',
    ],
    ['replay traces.json --json --until-step 10', 'the first ten steps in the golden format'],
  ],
  flags: [{ title: 'Replay', flags: FLAGS }],
  async run(words) {
    const { positionals, flags } = parseOwnFlags(words, FLAGS, 'replay');
    const [file, extra] = positionals;
    if (file === undefined || extra !== undefined)
      throw new ConfigError(
        'E_BAD_FLAG',
        `replay: expects one FILE${extra === undefined ? '' : `, got '${extra}' as well`}; see replay --help`,
      );
    const untilStep = flags.get('until-step')?.at(-1);
    const id = flags.get('id')?.at(-1);
    if (untilStep !== undefined && !/^\d+$/.test(untilStep))
      throw new ConfigError(
        'E_BAD_FLAG',
        `--until-step '${untilStep}': must be a whole number, at least 0`,
      );
    const isOn = (name: string): boolean => flags.get(name)?.at(-1) === 'true';
    const [json, check, summary] = [isOn('json'), isOn('check'), isOn('summary')];
    if (summary && (json || check))
      throw new ConfigError(
        'E_BAD_FLAG',
        `--summary: shows no step, so it does not go with --${json ? 'json' : 'check'}`,
      );
    return runReplay({
      file,
      json,
      check,
      summary,
      ...(untilStep === undefined ? {} : { untilStep: Number(untilStep) }),
      ...(id === undefined ? {} : { id }),
    });
  },
};
