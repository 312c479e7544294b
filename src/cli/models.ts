/** `vllm-twin models`: what can be served by name, without a network. */
import { listModels } from '../capacity/file/catalogue.ts';
import type { ArchitectureCoverage } from '../capacity/models/architecture-coverage.ts';
import type { Command, CommandFlag } from './command.ts';
import { parseOwnFlags } from './flags/own-flags.ts';

const FLAGS: readonly CommandFlag[] = [
  {
    name: 'architectures',
    takes: 'switch',
    doc: "List the architectures of vLLM's registry, which a config.json may name, with what is known of each.",
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
      const { architectureCoverage } = await import('../capacity/models/architecture-coverage.ts');
      process.stdout.write(coverageText(architectureCoverage(), asJson));
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

function coverageText(rows: readonly ArchitectureCoverage[], asJson: boolean): string {
  if (asJson) return `${JSON.stringify({ architectures: rows }, null, 2)}\n`;
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows
    .map(({ name, coverage, note }) => `${name.padEnd(width)}  ${coverage.padEnd(7)}  ${note}\n`)
    .join('');
}
