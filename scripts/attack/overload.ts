/**
 * Clients that ask for more than anybody can hold, leave in the midst, or never read; engines that are stopped meanwhile.
 * The twin must answer or refuse each, keep answering others, and be idle and end in order afterwards.
 */
import { connect, type Socket } from 'node:net';
import { Prng } from '../../src/shared/prng.ts';
import { samplesByKey } from '../../test/support/exposition.ts';
import type { Exit } from '../../test/support/process.ts';
import { TINYMODEL, Twin } from '../../test/support/twin.ts';
import { waitUntil } from '../../test/support/wait-for.ts';
import { post } from './post.ts';
import { childrenOf, isAlive, peakMegabytes } from './processes.ts';

export interface AttackOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Accepted for the sake of one form for all attacks; this one signals the processes that it starts itself. */
  readonly baseUrl?: string;
}

/** What a client that waits for its answer may see. */
const EXPECTED_STATUSES = new Set([200, 503]);
const IDLE_DEADLINE_MS = 120_000;

class Overload {
  readonly #url: string;
  readonly #port: number;
  readonly #enginePids: readonly number[];
  readonly #prng: Prng;
  readonly statuses = new Map<number, number>();
  readonly surprises: string[] = [];
  numAnswers = 0;
  numLeft = 0;
  numNeverRead = 0;
  worstHealthMs = 0;

  constructor(url: string, enginePids: readonly number[], seed: number) {
    this.#url = url;
    this.#port = Number(new URL(url).port);
    this.#enginePids = enginePids;
    this.#prng = new Prng(seed);
  }

  #body(fields: Record<string, unknown>): string {
    return JSON.stringify({ model: 'tiny', ignore_eos: true, ...fields });
  }

  /** 1,024 prompts × up to 100 answers; read to the end, or left in the midst. */
  async manyAnswers(): Promise<void> {
    const numPrompts = this.#prng.nextBelow(1024) + 1;
    const n = this.#prng.nextBelow(100) + 1;
    const stays = this.#prng.nextBelow(2) === 0;
    const abort = new AbortController();
    const timer = stays ? null : setTimeout(() => abort.abort(), this.#prng.nextBelow(1_500));
    try {
      const body = this.#body({
        prompt: Array.from({ length: numPrompts }, () => 'x'),
        n,
        max_tokens: this.#prng.nextBelow(3) + 1,
        stream: this.#prng.nextBelow(2) === 0,
      });
      const { status, text } = await post(`${this.#url}/v1/completions`, body, abort.signal);
      this.#count(status);
      if (status === 200 && text.startsWith('{')) {
        const { choices } = JSON.parse(text) as { choices: readonly unknown[] };
        if (choices.length !== numPrompts * n)
          this.surprises.push(`${choices.length} of ${numPrompts * n} answers`);
        this.numAnswers += choices.length;
      }
    } catch (error) {
      if (!abort.signal.aborted) this.surprises.push(`an answer broke off: ${String(error)}`);
      this.numLeft += 1;
    } finally {
      if (timer !== null) clearTimeout(timer);
    }
  }

  #count(status: number): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    if (!EXPECTED_STATUSES.has(status)) this.surprises.push(`status ${status}`);
  }

  /** Streams of tens of megabytes that nobody reads, for a while. */
  async neverRead(): Promise<void> {
    const sockets = Array.from({ length: 8 }, () =>
      this.#openUnread(this.#prng.nextBelow(100) + 20),
    );
    this.numNeverRead += sockets.length;
    await pause(this.#prng.nextBelow(3_000) + 500);
    for (const socket of sockets) socket.destroy();
  }

  #openUnread(n: number): Socket {
    const body = this.#body({ prompt: [1, 2], n, max_tokens: 1_000, stream: true });
    const socket = connect(this.#port, '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    socket.write(
      `POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    return socket;
  }

  /** The engines are stopped while clients come and go. */
  async stoppedEngines(): Promise<void> {
    for (const pid of this.#enginePids) process.kill(pid, 'SIGSTOP');
    try {
      const clients = Array.from({ length: 3 }, () => this.manyAnswers());
      await pause(this.#prng.nextBelow(1_500));
      for (const pid of this.#enginePids) process.kill(pid, 'SIGCONT');
      await Promise.all(clients);
    } finally {
      for (const pid of this.#enginePids) process.kill(pid, 'SIGCONT');
    }
  }

  /** Until `until` says so. */
  async watchHealth(until: () => boolean): Promise<void> {
    while (!until()) {
      const startMs = performance.now();
      const { status } = await fetch(`${this.#url}/health`);
      this.worstHealthMs = Math.max(this.worstHealthMs, performance.now() - startMs);
      if (status !== 200) this.surprises.push(`/health ${status}`);
      await pause(100);
    }
  }

  /** SIGTERM while a hundred thousand requests are on their way; how they end is not looked at here. */
  async endUnderLoad(twin: Twin): Promise<Exit> {
    const body = this.#body({ prompt: new Array<string>(1024).fill('x'), n: 100, max_tokens: 500 });
    const ended = post(`${this.#url}/v1/completions`, body, new AbortController().signal).catch(
      () => null,
    );
    await pause(this.#prng.nextBelow(300));
    const exit = await twin.stop();
    await ended;
    return exit;
  }

  async step(): Promise<void> {
    const scenarios = [
      () => this.manyAnswers(),
      () => this.neverRead(),
      () => this.stoppedEngines(),
      () => Promise.all([this.manyAnswers(), this.manyAnswers(), this.neverRead()]),
    ];
    await scenarios[this.#prng.nextBelow(scenarios.length)]?.();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Running and waiting requests of all engines. */
async function unfinished(url: string): Promise<number> {
  const samples = samplesByKey(await (await fetch(`${url}/metrics`)).text());
  let total = 0;
  for (const [key, value] of samples)
    if (/^vllm:num_requests_(running|waiting)\{/.test(key)) total += value;
  return total;
}

/** Prints its figures. Throws where something died, was lost, or is left behind. */
export async function run({ seed, seconds }: AttackOptions): Promise<void> {
  const size = ['--max-model-len', '1024', '--step-time', '2'];
  const words = ['--served-model-name', 'tiny', '--port', '0', '--log-format', 'json'];
  const twin = new Twin(['serve', TINYMODEL, ...size, ...words]);
  try {
    const url = await twin.url();
    const enginePids = childrenOf(twin.pid);
    const overload = new Overload(url, enginePids, seed);
    let isOver = false;
    const watching = overload.watchHealth(() => isOver);
    const deadline = performance.now() + seconds * 1000;
    let numSteps = 0;
    while (performance.now() < deadline && twin.exit === null) {
      await overload.step();
      numSteps += 1;
    }
    await waitUntil('idle engines', async () => (await unfinished(url)) === 0, {
      timeoutMs: IDLE_DEADLINE_MS,
    });
    isOver = true;
    await watching;
    const peaks = [twin.pid, ...enginePids].map(peakMegabytes);
    const givenUp = twin.log.match(/does not read its answer/g)?.length ?? 0;
    const exit = await overload.endUnderLoad(twin);
    console.log(
      `overload: seed ${seed}, ${numSteps} steps, ${overload.numAnswers} answers, ${overload.numLeft} clients left, ` +
        `${overload.numNeverRead} never read (${givenUp} given up), statuses ${JSON.stringify([...overload.statuses])}, ` +
        `worst /health ${Math.round(overload.worstHealthMs)} ms, peak MB ${peaks.join(' + ')}`,
    );
    const survivors = enginePids.filter(isAlive);
    const faults = [
      ...overload.surprises,
      ...(exit.code === 0
        ? []
        : [`ended with ${exit.code ?? exit.signal}:\n${twin.log.slice(-3_000)}`]),
      ...(survivors.length === 0 ? [] : [`survivors: ${survivors.join(', ')}`]),
    ];
    if (faults.length > 0) throw new Error(`overload, seed ${seed}:\n${faults.join('\n')}`);
  } finally {
    await twin.stop();
  }
}
