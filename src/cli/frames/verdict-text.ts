/** A verdict in words. */
import type { CheckedMessage, Problem, Verdict } from '../../shared/tap/check/verdict.ts';
import { type Palette, wrap } from '../text-layout.ts';

export function* verdictText(verdict: Verdict, width: number, palette: Palette): Generator<string> {
  const { checked, problems, num_left_out } = verdict;
  for (const { engine, state, parallel_config_hash: hash } of checked.engines)
    yield `engine ${engine}: ${state ?? 'start-up not recorded'}${hash === null ? '' : `, parallel_config_hash ${hash.slice(0, 12)}…`}`;
  if (checked.messages.length > 0) {
    yield '';
    yield palette.bold(
      'engine  message                    frames  fields   missing  extra  wrong type',
    );
    for (const message of checked.messages) yield messageRow(message);
    yield '';
  }
  for (const problem of problems) yield* problemLines(problem, width, palette);
  if (num_left_out > 0) yield `and ${num_left_out} problems more`;
  yield* wrap(words(verdict), '', width);
}

function messageRow(message: CheckedMessage): string {
  const { engine, type, frames, fields, present, missing, extra, wrong_type } = message;
  const seen = fields.length === 0 ? '' : `${present.length}/${fields.length}`;
  return [
    String(engine ?? '-').padEnd(8),
    type.padEnd(24),
    String(frames).padStart(9),
    seen.padStart(8),
    String(missing.length).padStart(10),
    String(extra.length).padStart(7),
    String(wrong_type.length).padStart(12),
  ].join('');
}

function* problemLines(
  { rule, severity, engine, process, seq, text, times }: Problem,
  width: number,
  { warn }: Palette,
): Generator<string> {
  const who = engine === null ? '' : `engine ${engine}, `;
  const often = times > 1 ? `, ${times} times` : '';
  const [first = '', ...rest] = wrap(
    `${severity} ${rule}: ${text} (${who}${process} seq ${seq}${often})`,
    '',
    width - 2,
  );
  yield warn(first);
  for (const line of rest) yield warn(`  ${line}`);
}

function words({ verdict, vllm_version, checked, problems }: Verdict): string {
  if (verdict === 'nothing') return 'Nothing to check: the recording has no frame.';
  const numErrors = problems.filter(({ severity }) => severity === 'error').length;
  const numWarnings = problems.length - numErrors;
  const warned = numWarnings === 0 ? '' : `, ${numWarnings} ${plural('warning', numWarnings)}`;
  const what = `${checked.frames.toLocaleString('en-US')} ${plural('frame', checked.frames)} of ${checked.processes.length} ${checked.processes.length === 1 ? 'process' : 'processes'}`;
  if (verdict === 'ok') return `Verdict: ${what}: all as vLLM ${vllm_version} says it${warned}.`;
  return `Verdict: ${what}: not what vLLM ${vllm_version} says: ${numErrors} ${plural('error', numErrors)}${warned}. docs/reference/protocol-check.md explains the rules.`;
}

function plural(word: string, count: number): string {
  return count === 1 ? word : `${word}s`;
}
