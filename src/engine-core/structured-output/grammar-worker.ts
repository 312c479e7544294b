/** The thread of an engine that has a tokenizer: started with the first grammar. */
import { parentPort, workerData } from 'node:worker_threads';
import { reasonOf } from '../../shared/errors.ts';
import { loadTokenizer } from '../../shared/tokenizer/load-tokenizer.ts';
import type { CompileJob } from './compile-job.ts';
import { makePlan } from './make-plan.ts';
import type { WorkerAnswer, WorkerQuestion, WorkerReady } from './thread-compiler.ts';

const { folder } = workerData as { readonly folder: string | null };
// What is wrong with its files is each request's answer.
const loading = loadTokenizer({ folder });
loading.then(
  () => parentPort?.postMessage({ isReady: true } satisfies WorkerReady),
  () => {},
);

async function answer({ id, job }: WorkerQuestion): Promise<WorkerAnswer> {
  try {
    return { id, result: makePlan(job satisfies CompileJob, await loading) };
  } catch (error) {
    return { id, result: { failure: reasonOf(error) } };
  }
}

parentPort?.on('message', (question: WorkerQuestion) => {
  void answer(question).then((answered) => parentPort?.postMessage(answered));
});
