/** The text worker from its source: a thread of a test cannot load TypeScript by itself. */
import { tsImport } from 'tsx/esm/api';

const worker = await tsImport('../../src/frontend/openai/workers/text-worker.ts', import.meta.url);
export const { answerTokenize, decode, encode, renderTemplate } = worker;
