/** Help pages, laid out by yargs. */
import yargs from 'yargs';
import type { Command } from './command.ts';

const MAX_WIDTH = 100;

/** The page without a command. */
export async function overview(
  commands: Readonly<Record<string, () => Promise<Command>>>,
): Promise<string> {
  const page = base().usage(
    "vllm-twin: a GPU-free twin of vLLM's serving engine\n\nUsage: $0 <command> [flags]",
  );
  for (const load of Object.values(commands)) {
    const { usage, summary, examples } = await load();
    page.command(usage.replace(' [flags]', ''), summary);
    const [first] = examples;
    if (first !== undefined) page.example(`$0 ${first[0]}`, first[1]);
  }
  page.epilogue('vllm-twin <command> --help tells more.');
  return `${await page.getHelp()}\n`;
}

/** The page of one command: its flags in groups, and examples. */
export async function commandHelp(command: Command): Promise<string> {
  const page = base().usage(`Usage: $0 ${command.usage}\n\n${command.summary}`);
  for (const { title, flags } of command.flags) {
    for (const { name, doc } of flags) page.option(name, { describe: doc });
    page.group(
      flags.map(({ name }) => name),
      `${title}:`,
    );
  }
  for (const [example, meaning] of command.examples) page.example(`$0 ${example}`, meaning);
  if (command.readsSettings)
    page.epilogue(
      'A flag can also be set as VLLM_TWIN_<NAME> in the environment or in --config FILE.yaml; the flag wins.',
    );
  return `${await page.getHelp()}\n`;
}

function base() {
  return yargs([])
    .scriptName('vllm-twin')
    .version(false)
    .help(false)
    .wrap(Math.min(MAX_WIDTH, process.stdout.columns ?? MAX_WIDTH));
}
