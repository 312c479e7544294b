/** Text workers that run from the source: tests need no build. */

import { pathToFileURL } from 'node:url';
import { TextWorkers } from '../../src/frontend/openai/workers/text-workers.ts';
import { ownFile } from '../../src/shared/own-files.ts';

const TEMPLATE_PROCESS = pathToFileURL(ownFile('frontend/openai/workers/template-process.ts'));

export function createTextWorkers({ renderTimeoutSeconds = 30 } = {}): TextWorkers {
  return new TextWorkers({
    tokenizerFolder: null,
    renderTimeoutSeconds,
    modules: {
      texts: { url: new URL('./text-worker.mjs', import.meta.url), execArgv: [] },
      templates: { url: TEMPLATE_PROCESS, execArgv: ['--import', 'tsx'] },
    },
  });
}
