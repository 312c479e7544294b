/** `vllm-twin completion`: the script that lets a shell complete the command line. */
import { ConfigError } from '../../shared/errors.ts';
import type { Command } from '../command.ts';
import { parseOwnFlags } from '../flags/own-flags.ts';
import { SHELLS } from './shells.ts';

export const completionCommand: Command = {
  name: 'completion',
  usage: 'completion [SHELL]',
  summary: `Print the completion script of ${SHELLS.join(' or ')}; the shell is $SHELL if not given.`,
  positional: 'shell',
  readsSettings: false,
  examples: [
    ['completion bash >> ~/.bashrc', 'commands, flags, models and GPUs by the tab key'],
    ['completion zsh >> ~/.zshrc', 'the same in zsh'],
  ],
  flags: [],
  async run(words) {
    const [shell, extra] = parseOwnFlags(words, [], 'completion').positionals;
    const unknown = SHELLS.some((known) => known === shell) ? extra : shell;
    if (unknown !== undefined)
      throw new ConfigError(
        'E_BAD_FLAG',
        `completion: expects ${SHELLS.join(' or ')}, got '${unknown}'`,
      );
    await printScript(shell ?? process.env['SHELL'] ?? '');
    return 0;
  },
};

/** yargs' own script, which asks `vllm-twin --get-yargs-completions` at each tab. */
async function printScript(shell: string): Promise<void> {
  // yargs knows the shell from the environment alone.
  delete process.env['ZSH_NAME'];
  process.env['SHELL'] = shell;
  const { default: yargs } = await import('yargs');
  yargs([]).scriptName('vllm-twin').showCompletionScript();
}
