/**
 * The text form of faults that a request carries, in its header or its vllm_xargs: a fault's id, then its parameters, each
 * after a semicolon; several are parted by commas: `engine.crash-on-request;after_tokens=3, http.latency;delay=1s`. Pure.
 */
import { FAULT_KEY } from '../protocol/fault-keys.ts';
import { FAULT_SPECS } from './catalogue.ts';
import { readFaultParameters } from './read-parameters.ts';

export interface CarriedFault {
  readonly fault: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

export type ReadCarried =
  | { readonly isOk: true; readonly faults: readonly CarriedFault[] }
  | { readonly isOk: false; readonly message: string };

/** Of a text, or a list of texts. */
export function readCarriedFaults(carried: unknown): ReadCarried {
  const texts: readonly unknown[] = Array.isArray(carried) ? carried : [carried];
  const faults: CarriedFault[] = [];
  for (const text of texts) {
    if (typeof text !== 'string') {
      const message = `${FAULT_KEY} must be a text or a list of texts, got a ${typeof text}`;
      return { isOk: false, message };
    }
    for (const part of text.split(',')) {
      const read = readOne(part.trim());
      if (typeof read === 'string') return { isOk: false, message: read };
      faults.push(read);
    }
  }
  return { isOk: true, faults };
}

/** A fault, or what is wrong with it. */
function readOne(text: string): CarriedFault | string {
  const [id = '', ...words] = text.split(';').map((word) => word.trim());
  const carried = FAULT_SPECS.filter((spec) => spec.isCarriedByRequests);
  const spec = carried.find((known) => known.id === id);
  if (spec === undefined) {
    const known = carried.map((one) => one.id).join(', ');
    return `There is no fault '${id}' that a request may carry; known are ${known}, with parameters as http.latency;delay=1s`;
  }
  const given: [string, string][] = [];
  for (const word of words) {
    const at = word.indexOf('=');
    if (at < 1) return `Fault ${id}: '${word}' is no parameter; write name=value`;
    given.push([word.slice(0, at), word.slice(at + 1)]);
  }
  const read = readFaultParameters(spec, Object.fromEntries(given));
  return read.isOk ? { fault: id, parameters: read.values } : read.message;
}
