/**
 * A process that renders the chat templates of requests, one job after the other. It ends with its parent, also in the
 * middle of a template that never ends: a thread of its own looks after that. Its one argument is the parent's pid: a parent
 * that is gone before the thread runs is not taken for another.
 */
import { Worker } from 'node:worker_threads';
import { ChatTemplates } from '../chat/template.ts';
import type { Jobs } from './jobs.ts';
import { answerOf, inspect, render } from './template-work.ts';

const PARENT_CHECK_MS = 500;
const WATCH = `
  const { workerData } = require('node:worker_threads');
  setInterval(() => { if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL'); }, ${PARENT_CHECK_MS});
`;

const templates = new ChatTemplates();
new Worker(WATCH, { eval: true, execArgv: [], workerData: Number(process.argv[2]) }).unref();
process.on('disconnect', () => process.exit());
process.on('message', ({ name, job }: { name: keyof Jobs; job: never }) => {
  process.send?.(answerOf(() => (name === 'inspectTemplate' ? inspect : render)(templates, job)));
});
