/** The end of the flags page: vLLM's flags that are no setting of ours, by what they would change. */
import { INERT_FLAGS, UNSIMULATED_FLAGS } from '../src/shared/config/flag-classes.ts';

export function ignoredFlagLines(): readonly string[] {
  return [
    '',
    '## Would change something in vLLM, not simulated here',
    '',
    "Their values are checked as vLLM's parser checks them; a start with one of them says so in the log, in one line.",
    '',
    ...byText(Object.entries(UNSIMULATED_FLAGS).map(([flag, text]) => [text, flag] as const)),
    '',
    '## Change nothing that anybody outside a GPU can see',
    '',
    'Accepted, so that a command line for vLLM works here, and checked in the same way.',
    '',
    ...INERT_FLAGS.map(({ why, flags }) => `- ${why}: ${shown(flags)}`),
  ];
}

function byText(rows: readonly (readonly [string, string])[]): readonly string[] {
  const flagsOf = new Map<string, string[]>();
  for (const [text, flag] of rows) flagsOf.set(text, [...(flagsOf.get(text) ?? []), flag]);
  return [...flagsOf].map(([text, flags]) => `- ${text}: ${shown(flags)}`);
}

function shown(flags: readonly string[]): string {
  return flags.map((flag) => `\`--${flag}\``).join(', ');
}
