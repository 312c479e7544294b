/** Headless engines of the built product and frontends of bare sockets for a test, all ended with it. */
import type { Closable, Transport } from '../../src/shared/transport/transport.ts';
import { createZmqTransport } from '../../src/shared/transport/zmq.ts';
import { TINYMODEL, Twin } from './twin.ts';
import { ZmqFrontend, type ZmqFrontendOptions } from './zmq-frontend.ts';

export class EngineProcesses {
  readonly transport: Transport = createZmqTransport();
  readonly closables: Closable[] = [];
  readonly #twins: Twin[] = [];

  async frontend(
    engineCount: number,
    options: Partial<ZmqFrontendOptions> = {},
  ): Promise<ZmqFrontend> {
    const frontend = await ZmqFrontend.start({
      transport: this.transport,
      engineCount,
      ...options,
    });
    this.closables.push(frontend);
    return frontend;
  }

  /** `count` engines that take no time and answer by the golden rule; later words win. */
  start(frontend: ZmqFrontend, count: number, words: readonly string[] = []): Twin {
    const ranks = ['--data-parallel-size', `${count}`, '--data-parallel-size-local', `${count}`];
    const place = ['--data-parallel-address', '127.0.0.1', '--data-parallel-rpc-port'];
    const twin = new Twin([
      ...['serve', '--headless', '--model', TINYMODEL, ...ranks, ...place, frontend.port],
      ...['--step-time', 'zero', '--token-source', 'rule', '--max-model-len', '1024', ...words],
    ]);
    this.#twins.push(twin);
    return twin;
  }

  async close(): Promise<void> {
    await Promise.all(this.#twins.map((twin) => twin.stop()));
    await Promise.all(this.closables.map((closable) => closable.close()));
  }
}
