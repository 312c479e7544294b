/** Scenario files: YAML, or JSON, which YAML includes. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { ConfigError, reasonOf } from '../shared/errors.ts';
import { readScenario, type Scenario } from './scenario.ts';

/** Throws E_BAD_FILE, naming the file, the step, the field, what it is and what it may be. */
export function readScenarioFile(file: string): Scenario {
  const read = readScenario(parseFile(file));
  if (read.isOk) return read.value;
  throw new ConfigError('E_BAD_FILE', `${file}: ${read.message}`);
}

function parseFile(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError('E_BAD_FILE', `${file}: cannot be read (${reasonOf(cause)})`, { cause });
  }
  try {
    return parse(text);
  } catch (cause) {
    const [reason = ''] = reasonOf(cause).split('\n');
    throw new ConfigError('E_BAD_FILE', `${file}: cannot be read as YAML (${reason})`, { cause });
  }
}
