/** What a process of the command line says when it has no logger, and what it does when nobody reads. */

/** `… | head` is no error: whoever reads has seen enough, and the command ends, or goes on without saying more. */
export function silenceClosedStreams(goesOn: boolean): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (!goesOn) process.exit(0);
  });
  process.stderr.on('error', () => {});
}

/** Why a process ends, in one line on stderr; in the form of the log where JSON was asked for. */
export function writeLastLine(message: string, words: readonly string[]): void {
  process.stderr.write(
    wantsJson(words)
      ? `${JSON.stringify({ level: 50, time: new Date().toISOString(), process: 'vllm-twin', msg: message })}\n`
      : `vllm-twin: ${message}\n`,
  );
}

/** The flag may be what is wrong, and so is looked for as it was typed; the last one counts. */
function wantsJson(words: readonly string[]): boolean {
  const given = words.flatMap((word, index) => {
    const [name = '', value] = word.split('=', 2);
    if (name.replaceAll('_', '-') !== '--log-format') return [];
    return [value ?? words[index + 1] ?? ''];
  });
  return (given.at(-1) ?? process.env['VLLM_TWIN_LOG_FORMAT']) === 'json';
}
