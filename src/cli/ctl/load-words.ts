/** `ctl load key=value…`: a load that the server sends to itself; without words, the loads that there are. */
import { describeLoad } from '../../scenario/describe-step.ts';
import { LOAD_FIELDS, readLoad } from '../../scenario/load.ts';
import type { BegunLoad, LoadEntry } from '../../shared/twin-api/steering.ts';
import { wrap } from '../text-layout.ts';
import { bad, type CtlCall, refused, settingsOf, writeJson, writeLines } from './ctl-call.ts';

export async function runLoad(call: CtlCall): Promise<number> {
  const { words, engine, duration, server, isJson } = call;
  if (words.length === 0) return listLoads(call);
  const request = {
    ...settingsOf('load', words),
    ...(engine === null ? {} : { engine }),
    ...(duration === null ? {} : { for: duration }),
  };
  const read = readLoad(request);
  if (!read.isOk) throw bad(`load: ${read.message}`);
  const answer = await server.ask('POST', 'load', request);
  if (answer.status !== 201) return refused(answer);
  if (isJson) {
    writeJson(answer.body);
    return 0;
  }
  const { handle } = answer.body as BegunLoad;
  const until = read.value.forMs === null ? `, until ctl clear ${handle}` : '';
  writeLines(wrap(`${handle}  ${describeLoad(read.value)}${until}`));
  return 0;
}

async function listLoads({ server, engine, duration, isJson }: CtlCall): Promise<number> {
  if (engine !== null || duration !== null)
    throw bad(`load: how much? rate=20/s and, if need be, ${fieldNames()}`);
  const answer = await server.ask('GET', 'load');
  if (answer.status !== 200) return refused(answer);
  const { loads } = answer.body as { readonly loads: readonly LoadEntry[] };
  if (isJson) {
    writeJson({ loads });
    return 0;
  }
  const lines = loads.flatMap(loadLines);
  if (lines.length === 0) lines.push('No load. One begins with: vllm-twin ctl load rate=20/s');
  writeLines([...lines, ...wrap(`Settings: ${fieldNames()}`)]);
  return 0;
}

function fieldNames(): string {
  return LOAD_FIELDS.map((name) => `${name}=…`).join(' ');
}

function loadLines(entry: LoadEntry): readonly string[] {
  const { handle, sent, finished, failed, aborted, running, state, last_error: error } = entry;
  const read = readLoad(entry.load);
  const what = read.isOk ? describeLoad(read.value) : '';
  return [
    ...wrap(`${handle}  ${what}: ${state}`),
    `    sent ${sent}, finished ${finished}, failed ${failed}, aborted ${aborted}, running ${running}`,
    ...(error === null ? [] : wrap(`last failure: ${error}`, '    ')),
  ];
}
