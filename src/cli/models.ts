/** `vllm-twin models`: what can be served by name, without a network. */
import { listModels } from '../capacity/file/catalogue.ts';
import type { Coverage } from '../capacity/models/coverage.ts';
import type { Command, CommandFlag } from './command.ts';
import { parseOwnFlags } from './flags/own-flags.ts';
import { wrap } from './text-layout.ts';

/** Where a list of names ends. */
const TOKENIZERS =
  "Each is answered by the built-in tokenizer, which stands in for that of the model's repository; serve --tokenizer FOLDER takes it.";

const FLAGS: readonly CommandFlag[] = [
  {
    name: 'architectures',
    takes: 'switch',
    doc: 'List the architectures that a config.json may name instead, by the family that knows them, and those that are refused.',
  },
  {
    name: 'json',
    takes: 'switch',
    doc: 'Print all facts as JSON: name, aliases, architecture, source, config, and the tokenizer that the built-in one stands in for.',
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
      const { architectureCoverage } = await import('../capacity/models/coverage.ts');
      process.stdout.write(coverageText(architectureCoverage(), asJson));
      return 0;
    }
    const models = listModels();
    if (asJson) {
      const rows = models.map((model) => ({
        ...model,
        tokenizer: { own: model.name, used: 'built-in' },
      }));
      process.stdout.write(`${JSON.stringify({ models: rows }, null, 2)}\n`);
      return 0;
    }
    const width = Math.max(...models.map(({ name }) => name.length));
    for (const { name, config, isDraft } of models) {
      const architectures = config['architectures'];
      const architecture = Array.isArray(architectures) ? String(architectures[0]) : '';
      process.stdout.write(`${name.padEnd(width)}  ${architecture}${isDraft ? '  (draft)' : ''}\n`);
    }
    process.stdout.write(`\n${wrap(TOKENIZERS).join('\n')}\n`);
    return 0;
  },
};

function coverageText(rows: readonly Coverage[], asJson: boolean): string {
  if (asJson) return `${JSON.stringify({ families: rows }, null, 2)}\n`;
  const paragraphs = new Map<string, string[]>();
  for (const { name, reason, architectures } of rows) {
    const title = reason === '' ? name : `${name}, ${reason}`;
    paragraphs.set(title, [...(paragraphs.get(title) ?? []), ...architectures]);
  }
  return [...paragraphs]
    .flatMap(([title, names]) => [...wrap(title), ...wrap(names.join(', '), '  ')])
    .map((line) => `${line}\n`)
    .join('');
}
