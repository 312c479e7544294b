/** Starts that a frontend of vLLM refuses to go on from. Each ends the frontend, so a run is asked for one of them. */

import { compared, NotApplicable, NothingWithin } from '../compared.ts';
import type { FrontendCheck } from '../frontend-check.ts';
import type { Spoil } from '../frontend-options.ts';

function refused(spoil: Spoil, does: string): FrontendCheck {
  return {
    id: `frontend.refuses.${spoil.replaceAll('-', '_')}`,
    does,
    source: 'vllm/v1/engine/utils.py wait_for_engine_startup',
    isOfStart: true,
    run(run) {
      const { options, seen } = run;
      if ((options.spoil ?? null) !== spoil)
        throw new NotApplicable(`it would end the start: --spoil ${spoil} looks at it alone`);
      run.needHttp();
      const { hasServed, numAnswers } = seen.spoilt ?? { hasServed: null, numAnswers: null };
      if (hasServed === null) throw new NothingWithin('no start that could be spoilt');
      return compared({ hasServed, numAnswers }, { hasServed: false, numAnswers: 0 });
    },
  };
}

export const REFUSAL_CHECKS: readonly FrontendCheck[] = [
  refused('hello-twice', 'A second HELLO of an engine ends the start: nothing is served.'),
  refused('unknown-rank', 'HELLO of a rank that is not expected ends the start.'),
  refused('garbage', 'A handshake message that is no msgpack ends the start.'),
  refused(
    'wrong-place',
    'An engine that says it is local, and is expected to be remote, ends the start.',
  ),
];
