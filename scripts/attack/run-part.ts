/**
 * One part of the attack in a process of its own: `run-part.ts FILE SEED SECONDS`; the result goes to the parent. A part that
 * throws has failed with the error's words; one that returns nothing has printed its figures itself.
 */
import { basename } from 'node:path';
import type { AttackPart, AttackResult } from './attack.ts';

const [file = '', seed = '', seconds = ''] = process.argv.slice(2);

async function runPart(): Promise<AttackResult> {
  const nothing = { name: basename(file, '.ts'), figures: {}, failures: [] };
  try {
    const part = (await import(file)) as AttackPart;
    return (await part.run({ seed: Number(seed), seconds: Number(seconds) })) ?? nothing;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    return { ...nothing, failures: [error instanceof Error ? error.message : String(error)] };
  }
}

// What still runs is found by its mark; a socket that is still open is no reason to stay.
process.send?.(await runPart(), () => process.exit(0));
