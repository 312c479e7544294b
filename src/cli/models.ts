/** `vllm-twin models`: what can be served by name, without a network. */
import { listModels } from '../capacity/file/catalogue.ts';
import type { ModelFamily } from '../capacity/models/model-family.ts';
import type { Command, CommandFlag } from './command.ts';
import { parseOwnFlags } from './flags/own-flags.ts';

const FLAGS: readonly CommandFlag[] = [
  {
    name: 'architectures',
    takes: 'switch',
    doc: 'List the architectures that a config.json may name instead, by the family that knows them.',
  },
  {
    name: 'json',
    takes: 'switch',
    doc: 'Print all facts as JSON: name, aliases, architecture, source and config.',
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
    ['models --architectures', 'what a model of your own may be'],
  ],
  flags: [{ title: 'Models', flags: FLAGS }],
  async run(words) {
    const { flags } = parseOwnFlags(words, FLAGS, 'models');
    const asJson = flags.get('json')?.at(-1) === 'true';
    if (flags.get('architectures')?.at(-1) === 'true') {
      const { FAMILIES } = await import('../capacity/models/registry.ts');
      process.stdout.write(familiesText(FAMILIES, asJson));
      return 0;
    }
    const models = listModels();
    if (asJson) {
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

function familiesText(families: readonly ModelFamily[], asJson: boolean): string {
  const rows = families.map(({ name, kind, architectures }) => ({ name, kind, architectures }));
  if (asJson) return `${JSON.stringify({ families: rows }, null, 2)}\n`;
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows
    .map(({ name, architectures }) => `${name.padEnd(width)}  ${architectures.join(', ')}\n`)
    .join('');
}
