/**
 * A process that renders the chat templates of requests, one job after the other. It ends with its parent, also in the
 * middle of a template that never ends: a thread of its own looks after that.
 */
import { Worker } from 'node:worker_threads';
import { ChatTemplates } from '../chat/template.ts';
import type { Jobs } from './jobs.ts';
import { answerOf, inspect, render } from './template-work.ts';

const PARENT_CHECK_MS = 500;
const WATCH = `
  const parent = process.ppid;
  setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, ${PARENT_CHECK_MS});
`;

const templates = new ChatTemplates();
new Worker(WATCH, { eval: true, execArgv: [] }).unref();
process.on('disconnect', () => process.exit());
process.on('message', ({ name, job }: { name: keyof Jobs; job: never }) => {
  process.send?.(answerOf(() => (name === 'inspectTemplate' ? inspect : render)(templates, job)));
});
