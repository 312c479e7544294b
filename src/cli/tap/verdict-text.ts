/** The verdict of `tap --check` in words. */
import type { Verdict } from '../../shared/tap/check/verdict.ts';

const WORDS: Readonly<Record<Verdict['verdict'], (version: string) => string>> = {
  ok: (version) => `as vLLM ${version} says it`,
  broken: (version) => `not as vLLM ${version} says it`,
  nothing: () => 'nothing to judge, no engine said HELLO',
};

/** `numLost`: frames that came too fast to be judged. */
export function verdictText(verdict: Verdict, numLost: number): string {
  const { checked, problems, num_left_out: numLeftOut } = verdict;
  const engines = checked.engines.length;
  const of = `${checked.frames} ${checked.frames === 1 ? 'frame' : 'frames'} of ${engines} ${engines === 1 ? 'engine' : 'engines'}`;
  const lines = problems.map(({ rule, severity, seq, text, times }) => {
    const again = times === 1 ? '' : `, ${times} times`;
    return `  ${severity} ${rule}: ${text} (frame ${seq}${again})`;
  });
  if (numLeftOut > 0) lines.push(`  and ${numLeftOut} more`);
  if (numLost > 0) lines.push(`  error: ${numLost} frames came too fast and were not judged`);
  const head = `${of}: ${WORDS[verdict.verdict](verdict.vllm_version)}`;
  return ['', head, ...lines, ''].join('\n');
}
