/** One part of the attack in a process of its own: `run-part.ts FILE SEED SECONDS`; the result goes to the parent. */
import type { AttackPart } from './attack.ts';

const [file = '', seed = '', seconds = ''] = process.argv.slice(2);
const part = (await import(file)) as AttackPart;
const result = await part.run({ seed: Number(seed), seconds: Number(seconds) });
process.send?.(result, () => process.disconnect());
