/**
 * The text form of an injection, the same for all ways of injecting: a fault's id, then its parameters, each after a
 * semicolon; several injections are parted by commas: `engine.crash-on-request;after-tokens=3`.
 */
import * as v from 'valibot';
import { problemOf } from '../../shared/schema.ts';
import { type ArmedFault, type Fault, FaultError } from './fault.ts';
import { FAULTS } from './registry.ts';

/** Throws FaultError for a fault or a parameter that is not known, and for a value that does not fit. */
export function armInjections(text: string): readonly ArmedFault[] {
  return text.split(',').map((part) => armInjection(part.trim()));
}

/** Puts a fault in place with parameters as texts; left out, they have their defaults. Throws FaultError. */
export function armFault(
  fault: Fault,
  parameters: Readonly<Record<string, string>> = {},
): ArmedFault {
  const result = v.safeParse(fault.parameters, parameters);
  if (result.success) return fault.arm(result.output);
  const [issue] = result.issues;
  const where = v.getDotPath(issue) ?? '';
  throw new FaultError(`Fault ${fault.id}: parameter ${where} ${problemOf(issue)}`);
}

function armInjection(text: string): ArmedFault {
  const [id = '', ...words] = text.split(';').map((word) => word.trim());
  const fault = FAULTS.find((known) => known.id === id);
  if (fault === undefined) {
    const known = FAULTS.map((one) => one.id).join(', ');
    throw new FaultError(`There is no fault '${id}'; known are ${known}`);
  }
  return armFault(fault, Object.fromEntries(words.map((word) => toParameter(word, id))));
}

function toParameter(word: string, id: string): readonly [string, string] {
  const at = word.indexOf('=');
  if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
  throw new FaultError(`Fault ${id}: '${word}' is no parameter; write name=value`);
}
