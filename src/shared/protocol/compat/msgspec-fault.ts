/** What msgspec says of a message that it does not take, and where, in its own words. */

/** A place in a message: an element, a field by name, any value of a dict, or the key of one. */
export type PathStep = number | string | { readonly of: 'values' | 'key' };

/** The innermost step with the ones around it. */
export interface MsgspecPath {
  readonly step: PathStep;
  readonly parent: MsgspecPath | null;
}

export class MsgspecFault extends Error {
  override readonly name = 'MsgspecFault';
  /** The class that Python raises. */
  readonly error: 'ValidationError' | 'DecodeError';

  constructor(words: string, path: MsgspecPath | null, error: MsgspecFault['error']) {
    super(`${words}${suffixOf(path)}`);
    this.error = error;
  }
}

/** ` - at $[6][4]`, and nothing for the message itself. Source: msgspec/_core.c PathNode_ErrSuffix (0.22.0). */
function suffixOf(path: MsgspecPath | null): string {
  if (path === null) return '';
  const steps: PathStep[] = [];
  for (let at: MsgspecPath | null = path; at !== null; at = at.parent) steps.unshift(at.step);
  const groups: string[] = [];
  let group = '`$';
  for (const step of steps) {
    if (typeof step === 'number') group += `[${step}]`;
    else if (typeof step === 'string') group += `.${step}`;
    else if (step.of === 'values') group += '[...]';
    else {
      groups.unshift(`${group}\``);
      group = '`key';
    }
  }
  return ` - at ${[`${group}\``, ...groups].join(' in ')}`;
}
