/** The load client as the benchmark sees it: one process on a core of its own, for all servers and rows. */
import type { ChildProcess } from 'node:child_process';
import { startScript } from './child-script.ts';
import type { Load, LoadResult } from './load.ts';
import { CLIENT_CORE } from './pinning.ts';

export class LoadClient {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(): Promise<LoadClient> {
    const child = startScript('load-process.ts', [], CLIENT_CORE);
    const client = new LoadClient(child);
    await client.#next();
    return client;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  run(load: Load): Promise<LoadResult> {
    this.#child.send(load);
    return this.#next() as Promise<LoadResult>;
  }

  close(): void {
    this.#child.disconnect();
  }

  #next(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error('the load client ended'));
      this.#child.once('exit', onExit);
      this.#child.once('message', (message) => {
        this.#child.off('exit', onExit);
        resolve(message);
      });
    });
  }
}
