/** The built product, started as a user does. */
import { fileURLToPath } from 'node:url';
import { packageFile } from './package.ts';
import { type ProcessOptions, RunningProcess } from './process.ts';

export const CLI_MAIN = packageFile('bin/vllm-twin.cjs');
export const TINYMODEL = fileURLToPath(new URL('../golden/tinymodel', import.meta.url));

export class Twin extends RunningProcess {
  constructor(
    words: readonly string[],
    env: Readonly<Record<string, string>> = {},
    options: Pick<ProcessOptions, 'cwd'> = {},
  ) {
    super(process.execPath, [CLI_MAIN, ...words], { env, ...options });
  }

  /** Where it listens, e.g. `http://127.0.0.1:40123`. */
  async url(): Promise<string> {
    const [, url = ''] = await this.waitForLog(/server on (http:\/\/\S+?)["\s]/);
    return url;
  }
}
