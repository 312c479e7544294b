/** `vllm-twin versions [A B]` as main.ts calls it. */
import { ConfigError } from '../../shared/errors.ts';
import { processIo } from '../cli-io.ts';
import type { Command, CommandFlag } from '../command.ts';
import { parseOwnFlags } from '../flags/own-flags.ts';

const FLAGS: readonly CommandFlag[] = [
  {
    name: 'json',
    takes: 'switch',
    doc: 'Print all of it as JSON, with the texts and values that differ.',
  },
];

export const versionsCommand: Command = {
  name: 'versions',
  usage: 'versions [FROM TO] [flags]',
  summary:
    'List the versions of vLLM that are known, or what changed on the wire and /metrics between two of them, and what breaks when they meet.',
  positional: 'version',
  readsSettings: false,
  examples: [
    ['versions', 'all of them: whose wire is known, whose metrics'],
    ['versions 0.31.0 0.33.0', 'what an upgrade changes'],
    ['versions 0.33.0 0.28.0 --json', 'the other way, for programs'],
  ],
  flags: [{ title: 'Versions', flags: FLAGS }],
  async run(words) {
    const { positionals, flags } = parseOwnFlags(words, FLAGS, 'versions');
    const asJson = flags.get('json')?.at(-1) === 'true';
    const [from, to, extra] = positionals;
    if (extra !== undefined)
      throw new ConfigError('E_BAD_FLAG', `versions: unexpected word '${extra}': two at a time`);
    if (from !== undefined && to === undefined)
      throw new ConfigError(
        'E_BAD_FLAG',
        `versions: a second version is missing, to compare ${from} with`,
      );
    const io = processIo();
    const { answerVersions } = await import('./answer-versions.ts');
    io.stdout(
      answerVersions(from === undefined || to === undefined ? null : [from, to], {
        asJson,
        colours: io.colours,
      }),
    );
    return 0;
  },
};
