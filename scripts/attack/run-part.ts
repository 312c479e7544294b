/** One part of the attack in a process of its own: `run-part.ts FILE SEED SECONDS`; the result goes to the parent. */
import type { AttackPart } from './attack.ts';

const [file = '', seed = '', seconds = ''] = process.argv.slice(2);
const part = (await import(file)) as AttackPart;
const result = await part.run({ seed: Number(seed), seconds: Number(seconds) });
// What still runs is found by its mark; a socket that is still open is no reason to stay.
process.send?.(result, () => process.exit(0));
