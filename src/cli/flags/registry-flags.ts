/** The registry's settings as flags of a command: for help and completion. */
import { flagName } from '../../shared/config/field.ts';
import { findFlag } from '../../shared/config/flag-names.ts';
import { FIELD_GROUPS, type FieldKey, fieldOf } from '../../shared/config/registry.ts';
import type { CommandFlag, FlagGroup } from '../command.ts';

export const CONFIG_FLAG: CommandFlag = {
  name: 'config',
  takes: 'value',
  doc: 'YAML file of flags, e.g. max-model-len: 8192.',
};

type GroupTitle = keyof typeof FIELD_GROUPS;
const OWN_GROUP: GroupTitle = 'The twin';

/** All groups, the twin's own first, or without some; flags that a command describes itself are left out. */
export function registryFlagGroups(
  without: { readonly groups?: readonly GroupTitle[]; readonly flags?: readonly string[] } = {},
): readonly FlagGroup[] {
  const { groups = [], flags = [] } = without;
  const titles = (Object.keys(FIELD_GROUPS) as GroupTitle[]).filter((t) => !groups.includes(t));
  // Who knows vLLM looks for what is not vLLM's.
  titles.sort((a, b) => Number(b === OWN_GROUP) - Number(a === OWN_GROUP));
  return titles.map((title) => ({
    title,
    flags: (Object.keys(FIELD_GROUPS[title]) as FieldKey[])
      .map(registryFlag)
      .filter(({ name }) => !flags.includes(name)),
  }));
}

/** With choices, default and unit in its text. */
function registryFlag(key: FieldKey): CommandFlag {
  const name = flagName(key);
  const values = valuesOf(key);
  return {
    name,
    takes: findFlag(name)?.takes ?? 'value',
    doc: describeField(key),
    ...(values === undefined ? {} : { values }),
  };
}

function valuesOf(key: FieldKey): CommandFlag['values'] {
  if (key === 'gpu') return 'gpu';
  if (key === 'model' || key === 'specModel') return 'model';
  return fieldOf(key).choices;
}

function describeField(key: FieldKey): string {
  const { doc, choices, defaultValue, env, unit } = fieldOf(key);
  const parts = [doc];
  if (choices !== undefined) parts.push(`One of ${choices.join(', ')}.`);
  const isEmpty =
    defaultValue === null || (Array.isArray(defaultValue) && defaultValue.length === 0);
  const shown = Array.isArray(defaultValue) ? JSON.stringify(defaultValue) : String(defaultValue);
  if (!isEmpty) parts.push(`[${[shown, unit].filter((part) => part !== undefined).join(' ')}]`);
  else if (unit !== undefined) parts.push(`[${unit}]`);
  if (env !== undefined) parts.push(`(${env})`);
  return parts.join(' ');
}
