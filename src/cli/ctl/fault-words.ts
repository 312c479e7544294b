/** `ctl faults [FAULT]`, `ctl inject FAULT key=value…`, `ctl clear [HANDLE]`. What there is, is known without a server. */
import { closestName } from '../../shared/config/suggestion.ts';
import { describeDuration } from '../../shared/duration.ts';
import { FAULT_SPECS, findFault } from '../../shared/faults/catalogue.ts';
import type { ActiveFault, InjectedFault } from '../../shared/faults/fault-api.ts';
import { exampleOf, faultEntry, waysOf } from '../../shared/faults/fault-entry.ts';
import type { FaultSpec } from '../../shared/faults/fault-spec.ts';
import { readInjection } from '../../shared/faults/injection.ts';
import { allowedOf } from '../../shared/faults/read-parameters.ts';
import { wrap } from '../text-layout.ts';
import {
  bad,
  type CtlCall,
  refused,
  refuseFlags,
  settingsOf,
  writeJson,
  writeLines,
} from './ctl-call.ts';
import type { TwinServer } from './twin-server.ts';

/** What is active on the server, and all that there are; of one fault, what it is and how it is injected. */
export async function listFaults(call: CtlCall): Promise<number> {
  refuseFlags('faults', call);
  const [id, extra] = call.words;
  if (extra !== undefined) throw bad(`faults: expects one FAULT, got '${extra}' as well`);
  if (id !== undefined) return explainOne(knownFault('faults', id), call.isJson);
  const active = await activeFaults(call.server);
  if (typeof active === 'number') return active;
  if (call.isJson) writeJson({ active, faults: FAULT_SPECS.map(faultEntry) });
  else {
    const shown = active.length === 0 ? ['No fault is active.'] : active.flatMap(activeLines);
    writeLines([...shown, '', ...catalogueLines()]);
  }
  return 0;
}

/** Begins one; without words, or without parameters where it has some, it tells what may be written. */
export async function injectFault(call: CtlCall): Promise<number> {
  const [id, ...words] = call.words;
  if (id === undefined) return explainAll(call);
  const spec = knownFault('inject', id);
  const isBare = words.length === 0 && call.engine === null && call.duration === null;
  if (isBare && Object.keys(spec.parameters).length > 0) return explainOne(spec, call.isJson);
  const request = {
    ...settingsOf(`inject ${id}`, words),
    fault: id,
    ...(call.engine === null ? {} : { engine: call.engine }),
    ...(call.duration === null ? {} : { for: call.duration }),
  };
  const read = readInjection(request);
  if (!read.isOk) throw bad(`inject: ${read.message}`);
  const answer = await call.server.ask('POST', 'faults', request);
  if (answer.status !== 201) return refused(answer);
  if (call.isJson) writeJson(answer.body);
  else writeLines(injectedLines(spec, answer.body as InjectedFault));
  return 0;
}

/** Throws E_BAD_FLAG for one that there is not. */
function knownFault(word: string, id: string): FaultSpec {
  const spec = findFault(id);
  if (spec === null) throw bad(`${word}: there is no fault '${id}'${hintOf(id)}`);
  return spec;
}

/** Ends one, or all that are active. */
export async function clearFaults(call: CtlCall): Promise<number> {
  refuseFlags('clear', call);
  const [handle, extra] = call.words;
  if (extra !== undefined) throw bad(`clear: expects one HANDLE, got '${extra}' as well`);
  let handles = handle === undefined ? [] : [handle];
  if (handle === undefined) {
    const active = await activeFaults(call.server);
    if (typeof active === 'number') return active;
    handles = active.map((fault) => fault.handle);
  }
  let exitCode = 0;
  const cleared: string[] = [];
  for (const each of handles) {
    const answer = await call.server.ask('DELETE', `${kindOf(each)}/${encodeURIComponent(each)}`);
    // One of all may have ended by itself meanwhile.
    if (answer.status === 204 || (handle === undefined && answer.status === 404))
      cleared.push(each);
    else exitCode = refused(answer);
  }
  if (call.isJson) writeJson({ cleared });
  else if (handles.length === 0) writeLines(['No fault is active.']);
  else if (cleared.length > 0) writeLines([`Ended: ${cleared.join(', ')}`]);
  return exitCode;
}

/** A handle says what it is of: f1, l1, s1. */
function kindOf(handle: string): 'faults' | 'load' | 'scenarios' {
  return handle.startsWith('l') ? 'load' : handle.startsWith('s') ? 'scenarios' : 'faults';
}

async function activeFaults(server: TwinServer): Promise<readonly ActiveFault[] | number> {
  const answer = await server.ask('GET', 'faults/active');
  if (answer.status !== 200) return refused(answer);
  return (answer.body as { readonly active: readonly ActiveFault[] }).active;
}

function hintOf(id: string): string {
  const best = closestName(
    id,
    FAULT_SPECS.map((spec) => spec.id),
  );
  return best === null
    ? '; ctl inject lists them'
    : ` (did you mean ${best}?); ctl inject lists them`;
}

function explainAll({ isJson, engine, duration }: CtlCall): number {
  if (engine !== null || duration !== null) throw bad('inject: which FAULT? ctl inject lists them');
  if (isJson) {
    writeJson({ faults: FAULT_SPECS.map(faultEntry) });
    return 0;
  }
  writeLines(catalogueLines());
  return 0;
}

function catalogueLines(): readonly string[] {
  const head = 'Faults; ctl inject FAULT tells of the parameters of one:';
  return [head, ...FAULT_SPECS.flatMap((spec) => ['', spec.id, ...wrap(spec.meaning, '    ')])];
}

function explainOne(spec: FaultSpec, isJson: boolean): number {
  if (isJson) {
    writeJson(faultEntry(spec));
    return 0;
  }
  const lines = [
    spec.id,
    ...wrap(spec.meaning, '    '),
    '',
    'In vLLM',
    ...wrap(spec.inVllm, '    '),
  ];
  lines.push('', 'Parameters');
  for (const [name, parameter] of Object.entries(spec.parameters)) {
    const byDefault =
      parameter.default === undefined
        ? 'must be given'
        : parameter.default === null
          ? 'may be left out'
          : `default ${parameter.type === 'duration' ? describeDuration(Number(parameter.default)) : String(parameter.default)}`;
    lines.push(...wrap(`${name}=…  ${allowedOf(parameter)}; ${byDefault}`, '  '));
    lines.push(...wrap(parameter.doc, '      '));
  }
  if (spec.takesEngine) lines.push(...wrap('--engine N  of one engine; without it, of all', '  '));
  if (spec.isMomentary) lines.push('  It is over at once.');
  else lines.push(...wrap('--for 30s  how long; without it, until ctl clear', '  '));
  const how = waysOf(spec).includes('api')
    ? `Nothing is injected yet. For example: vllm-twin ctl ${exampleOf(spec)}`
    : 'It is a fault of a start-up and comes by a file: vllm-twin serve --scenario FILE, at: start';
  writeLines([...lines, '', ...wrap(how)]);
  return 0;
}

function injectedLines(spec: FaultSpec, injected: InjectedFault): readonly string[] {
  const { handle, fault, engine, for_ms: forMs } = injected;
  const whose =
    engine !== null ? ` of engine ${engine}` : spec.takesEngine ? ' of all engines' : '';
  if (spec.isMomentary) return [`${fault}${whose}: done`];
  const until = forMs === null ? `until ctl clear ${handle}` : `for ${describeDuration(forMs)}`;
  return [`${handle}  ${fault}${whose} ${until}`];
}

function activeLines(active: ActiveFault): readonly string[] {
  const { handle, fault, engine, parameters, ends_in_ms: endsInMs, age_ms: ageMs } = active;
  const given = Object.entries(parameters)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`);
  const whose = engine === null ? '' : ` of engine ${engine}`;
  const left = endsInMs === null ? '' : `, ends in ${seconds(endsInMs)}`;
  return wrap(`${handle}  ${[fault, ...given].join(' ')}${whose}, since ${seconds(ageMs)}${left}`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
