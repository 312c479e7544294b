/** `vllm-twin models`: what can be served by name, without a network. */
import { listModels } from '../capacity/file/catalogue.ts';
import type { Command, CommandFlag } from './command.ts';
import { parseOwnFlags } from './flags/own-flags.ts';

const FLAGS: readonly CommandFlag[] = [
  {
    name: 'json',
    takes: 'switch',
    doc: 'Print name, aliases, architecture, source and config as JSON.',
  },
];

export const modelsCommand: Command = {
  name: 'models',
  usage: 'models [flags]',
  summary: 'List the models that can be named, with the source of their facts.',
  positional: null,
  readsSettings: false,
  examples: [
    ['models', 'names and architectures'],
    ['models --json', 'all facts, for programs'],
  ],
  flags: [{ title: 'Models', flags: FLAGS }],
  async run(words) {
    const { flags } = parseOwnFlags(words, FLAGS, 'models');
    const models = listModels();
    if (flags.get('json')?.at(-1) === 'true') {
      process.stdout.write(`${JSON.stringify({ models }, null, 2)}\n`);
      return 0;
    }
    const width = Math.max(...models.map(({ name }) => name.length));
    for (const { name, config, isDraft } of models) {
      const architectures = config['architectures'];
      const architecture = Array.isArray(architectures) ? String(architectures[0]) : '';
      process.stdout.write(`${name.padEnd(width)}  ${architecture}${isDraft ? '  (draft)' : ''}\n`);
    }
    return 0;
  },
};
